//! `provisor probe`: what a SCIM target can do and where it deviates, found out by trying.

use anyhow::Context;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Ended, Usage, run::stop_on_signal};
use crate::{
    cli::{Output, Probe},
    config::{self, Config, TargetConfig},
    secret::Secret,
    target::{
        Auth, ProfileOverrides, Protected, ScimSettings, ScimTarget, TargetError,
        probe::{Report, Thoroughness, Verdict, probe},
    },
};

pub(super) async fn run(options: Probe) -> anyhow::Result<Ended> {
    let settings = settings(&options)?;
    let url = settings.base_url.to_string();
    let target = ScimTarget::new(settings, Protected::default()).map_err(|error| match error {
        TargetError::Settings { problem } => anyhow::Error::new(Usage(problem)),
        error => error.into(),
    })?;
    let stop = CancellationToken::new();
    let listener = tokio::spawn(stop_on_signal(stop.clone()));
    let report = probe(&target, Thoroughness { members: options.members }, stop).await;
    listener.abort();
    let report = report.context("the target cannot be probed")?;
    match options.output {
        Output::Table => print_table(&url, &report)?,
        Output::Json => println!("{}", as_json(&url, &report)),
    }
    Ok(if report.is_usable() { Ended::Done } else { Ended::Failed })
}

/// How to reach the target: as the configuration says, without what it knows of the target beyond its paths, or by
/// address and token.
fn settings(options: &Probe) -> anyhow::Result<ScimSettings> {
    match (&options.application, &options.url, &options.token) {
        (Some(name), ..) => {
            let config = Config::load(&options.configured.config)?;
            let Some(application) = config.applications.iter().find(|application| application.name == *name) else {
                let names: Vec<&str> = config.applications.iter().map(|known| known.name.as_str()).collect();
                let file = config.file.display();
                let names = names.join("`, `");
                return Err(Usage(format!("`{file}` has no application `{name}`; it has `{names}`")).into());
            };
            let TargetConfig::Scim(scim) = &application.target;
            let endpoints = scim.profile.endpoints.clone();
            let profile = ProfileOverrides { endpoints, ..ProfileOverrides::default() };
            Ok(ScimSettings { profile, ..scim.as_ref().clone() })
        }
        (None, Some(url), Some(token)) => Ok(ScimSettings {
            ca_file: options.ca_file.clone(),
            ..ScimSettings::new(url.clone(), Auth::Bearer(Secret::new(token.as_str())))
        }),
        (None, ..) => Err(Usage("give a URL and a token, or `--application`".to_owned()).into()),
    }
}

fn print_table(url: &str, report: &Report) -> anyhow::Result<()> {
    println!("{url}\n");
    for finding in &report.findings {
        let detail = if finding.detail.is_empty() { String::new() } else { [": ", &finding.detail].concat() };
        println!("{:<12} {:<18} {}{detail}", word(finding.verdict), finding.check.section, finding.check.title);
    }
    let count = |verdict| report.count(verdict);
    println!(
        "\n{} as the protocol says, {} deviating, {} not offered, {} unknown",
        count(Verdict::Conforms),
        count(Verdict::Deviates),
        count(Verdict::NotOffered),
        count(Verdict::Unknown)
    );
    if let Some(reason) = &report.broken_off {
        println!("the probe broke off: {reason}");
    }
    for kept in &report.kept {
        println!("still there, disabled, because this target deletes no users: {kept}");
    }
    for left in &report.left_behind {
        println!("left behind, remove it by hand: {left}");
    }
    if report.is_usable() {
        println!("the gateway can provision into it; for its entry in the configuration, under `scim`:\n");
    } else {
        println!("the gateway cannot provision into it as it is; what is known of it, for the configuration:\n");
    }
    print!("{}", config::profile_yaml(&report.profile).context("the profile cannot be written")?);
    Ok(())
}

fn as_json(url: &str, report: &Report) -> serde_json::Value {
    let findings: Vec<_> = report
        .findings
        .iter()
        .map(|finding| {
            json!({
                "check": finding.check.title, "section": finding.check.section, "essential": finding.check.essential,
                "verdict": finding.verdict, "detail": finding.detail,
            })
        })
        .collect();
    json!({
        "url": url, "usable": report.is_usable(), "findings": findings, "profile": report.profile,
        "kept": report.kept, "leftBehind": report.left_behind, "brokenOff": report.broken_off,
    })
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Conforms => "ok",
        Verdict::Deviates => "DEVIATES",
        Verdict::NotOffered => "not offered",
        Verdict::Unknown => "unknown",
    }
}
