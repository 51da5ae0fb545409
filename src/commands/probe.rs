//! `provisor probe`: what a SCIM target can do and where it deviates, found out by trying.

use anyhow::Context;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{Ended, Usage, run::stop_on_signal};
use crate::{
    cli::{Output, Probe},
    config,
    secret::Secret,
    target::{
        Auth, Protected, ScimSettings, ScimTarget, TargetError,
        probe::{Report, Thoroughness, Verdict, probe},
    },
};

pub(super) async fn run(options: Probe) -> anyhow::Result<Ended> {
    let url = options.url.to_string();
    let settings = ScimSettings {
        ca_file: options.ca_file,
        ..ScimSettings::new(options.url, Auth::Bearer(Secret::new(options.token)))
    };
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
