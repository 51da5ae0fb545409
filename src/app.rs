//! Puts the parts together: configuration → store, sources, targets, jobs.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context, bail};
use chrono::Utc;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    api,
    config::{
        Adopt, Application, AssignedBy, Config, Connector, JobConfig, Leaving, LimitSettings, SchedulerSettings,
        ScopeSettings, SourceConfig, StoreSettings, TargetConfig, Wiring,
    },
    control::{self, Catalogue, Control, Declared, Identities},
    engine::{
        Job,
        escrow::EscrowRules,
        policy::{Adoption, Deprovisioning, Guard, Limits, Policy, ProtectedResources},
        quarantine::QuarantineRules,
        scheduler::{ScheduledJob, timing::Timing, turns::Bounds},
    },
    model::TargetIdentity,
    notification::{Mail, Receiver, Webhook},
    source::{Source, SourceError, graph::GraphSource, ldap::LdapSource},
    store::Store,
    sync_schema::{Schema, compile, wire::SynchronizationSchema},
    target::{ScimTarget, TargetError},
    templates::{Templates, Vocabulary},
};

/// Settings that cannot work, whatever answers on the other side: told before anything is contacted.
#[derive(Debug, thiserror::Error)]
pub enum Unworkable {
    #[error("the settings of the source `{name}` cannot work")]
    Source {
        name: String,
        #[source]
        cause: Box<SourceError>,
    },
    #[error("the settings of the application `{name}` cannot work")]
    Application {
        name: String,
        #[source]
        cause: Box<TargetError>,
    },
}

/// Opens the store that the configuration names, and brings it up to date.
pub async fn open_store(settings: &StoreSettings) -> anyhow::Result<Store> {
    let store = Store::open(&settings.url, settings.ca_file.as_deref()).await.context("cannot open the store")?;
    Ok(store.with_lease(settings.lease))
}

/// How many cycles may be under way at once.
pub fn bounds(config: &Config) -> Bounds {
    let SchedulerSettings { cycles_at_once, cycles_per_application } = config.scheduler;
    Bounds { in_all: cycles_at_once.into(), per_application: cycles_per_application.into() }
}

/// Who is told of quarantines. Nothing is connected yet.
pub fn open_receivers(config: &Config) -> anyhow::Result<Vec<Receiver>> {
    let webhook = config.webhook.clone().map(Webhook::new).transpose().context("cannot set up the webhook")?;
    let webhook = webhook.map(|webhook| Receiver::Webhook(Box::new(webhook)));
    let mail = open_mail(config)?.map(|mail| Receiver::Mail(Box::new(mail)));
    Ok(webhook.into_iter().chain(mail).collect())
}

/// The mail server that notices go to. Nothing is connected yet.
pub fn open_mail(config: &Config) -> anyhow::Result<Option<Mail>> {
    let unusable = |(key, what, hint)| anyhow::anyhow!("cannot set up mail: `{key}`: {what}; {hint}");
    config.mail.clone().map(Mail::new).transpose().map_err(unusable)
}

/// Makes a job ready to run. Nothing is connected yet.
pub fn assemble(wiring: Wiring<'_>) -> anyhow::Result<ScheduledJob> {
    let Wiring { source, application, job, keep_log } = wiring;
    let schema = job.schema.rules.clone();
    let schema_version = version_of(&job.schema.document, &schema)?;
    let policy = policy(application, job);
    let source = open_source(source, &schema, &job.scope)?;
    let target = open_target(application)?;
    let references_on_create = references_on_create(&target);
    Ok(ScheduledJob {
        job: Job {
            id: job.id.clone(),
            application: application.name.clone(),
            schema_version,
            schema: Arc::new(schema),
            policy: Policy { references_on_create, keep_log, ..policy },
            full_read: job.schedule.full_read,
            now: Utc::now,
        },
        source,
        target,
        timing: Timing { interval: job.schedule.interval, jitter: job.schedule.jitter },
    })
}

/// Makes every job of the configuration ready; jobs of one application share its pace.
pub fn assemble_all(config: &Config) -> anyhow::Result<Vec<ScheduledJob>> {
    let mut targets: BTreeMap<String, ScimTarget> = BTreeMap::new();
    config
        .jobs()
        .map(|wiring| {
            let mut job = assemble(wiring)?;
            job.target = targets.entry(wiring.application.name.clone()).or_insert(job.target).clone();
            Ok(job)
        })
        .collect()
}

/// What an operator may look at and ask for.
pub fn control(config: &Config, store: Store) -> anyhow::Result<Control> {
    let tenant = config.api.as_ref().map_or_else(Uuid::nil, api::Settings::tenant);
    Ok(Control::new(store, catalogue(config, tenant)?, Utc::now))
}

/// What is declared, as whoever looks at it from outside knows it. Nothing is connected for it.
fn catalogue(config: &Config, tenant: Uuid) -> anyhow::Result<Catalogue> {
    let applications = config.applications.iter().map(|application| {
        let target = open_target(application)?.identity().clone();
        let jobs = application.jobs.iter().map(|job| declared(config, job, &target)).collect();
        let identities = Identities::of(tenant, &application.name);
        Ok(control::Application { name: application.name.clone(), identities, jobs })
    });
    Ok(Catalogue {
        applications: applications.collect::<anyhow::Result<_>>()?,
        templates: config.templates.all().cloned().collect(),
    })
}

fn declared(config: &Config, job: &JobConfig, target: &TargetIdentity) -> Declared {
    let source = config.sources.iter().find(|source| source.name == job.source);
    Declared {
        id: job.id.clone(),
        template: job.template.clone(),
        // Every job has a source; one that had none would not have been read.
        vocabulary: source.map_or(Vocabulary::Ldap, |source| source.vocabulary),
        document: job.schema.document.clone(),
        mappings: job.schema.rules.mappings.iter().map(|mapping| (mapping.id.clone(), mapping.in_words())).collect(),
        interval: job.schedule.interval,
        most_removals: limits(job.accidental_deletion.cycle()).more_than,
        target: target.clone(),
    }
}

fn policy(application: &Application, job: &crate::config::JobConfig) -> Policy {
    let protected = &application.protected;
    let skips = job.policy.skip_out_of_scope_deletions;
    let unless_skipped = |leaving| if skips { Deprovisioning::Nothing } else { deprovisioning(leaving) };
    Policy {
        adoption: match job.policy.adopt {
            Adopt::Update => Adoption::Update,
            Adopt::LinkOnly => Adoption::LinkOnly,
        },
        disabled: deprovisioning(job.policy.disabled),
        unassigned: unless_skipped(job.policy.unassigned),
        out_of_scope: unless_skipped(job.policy.out_of_scope),
        soft_deleted: deprovisioning(job.policy.soft_deleted),
        deleted: deprovisioning(job.policy.deleted),
        protected: ProtectedResources::new(protected.user_names.iter().cloned(), protected.ids.iter().cloned()),
        guard: Guard {
            cycle: limits(job.accidental_deletion.cycle()),
            day: limits(job.accidental_deletion.day.unwrap_or(job.accidental_deletion.cycle())),
            application: limits(application.accidental_deletion),
            percent_of_few: job.accidental_deletion.percent_of_few.into(),
        },
        escrow: EscrowRules {
            first_retry: job.escrow.first_retry,
            longest_pause: job.escrow.longest_pause,
            give_up: job.escrow.give_up,
        },
        quarantine: QuarantineRules {
            percent: job.quarantine.percent.into(),
            at_least: job.quarantine.at_least,
            more_than: job.quarantine.more_than,
            outage: job.quarantine.outage,
            first_pause: job.quarantine.first_pause,
            longest_pause: job.quarantine.longest_pause,
        },
        nested_groups: job.nested_groups,
        is_member_of: job.is_member_of,
        scope: job.scope.scope(),
        ..Policy::default()
    }
}

fn limits(settings: LimitSettings) -> Limits {
    Limits {
        percent: settings.percent.into(),
        at_least: settings.at_least.into(),
        more_than: settings.more_than.into(),
    }
}

fn deprovisioning(leaving: Leaving) -> Deprovisioning {
    match leaving {
        Leaving::Disable => Deprovisioning::Disable,
        Leaving::Delete => Deprovisioning::Delete,
        Leaving::None => Deprovisioning::Nothing,
        Leaving::DeleteAfter(after) => Deprovisioning::DeleteAfter(after),
    }
}

fn open_source(source: &SourceConfig, schema: &Schema, scope: &ScopeSettings) -> Result<Arc<dyn Source>, Unworkable> {
    let selection = schema.selection();
    let unworkable = |cause| Unworkable::Source { name: source.name.clone(), cause: Box::new(cause) };
    Ok(match &source.connector {
        Connector::Ldap(settings) => {
            let source = LdapSource::new(settings.as_ref().clone(), selection);
            let source = match scope {
                ScopeSettings::Assigned { by: AssignedBy::Groups(groups), .. } => {
                    source.and_then(|source| source.with_assigned(groups.clone()))
                }
                _ => source,
            };
            Arc::new(source.map_err(unworkable)?)
        }
        Connector::Graph(settings) => {
            let source = GraphSource::new(settings, &selection).map_err(unworkable)?;
            Arc::new(match scope {
                ScopeSettings::Assigned { by: AssignedBy::ServicePrincipal(application), .. } => {
                    source.with_assigned(application.clone())
                }
                _ => source,
            })
        }
    })
}

/// How many references a POST to this target carries.
pub fn references_on_create(target: &ScimTarget) -> usize {
    let profile = target.profile();
    if profile.members_on_create { profile.members_per_patch } else { 0 }
}

fn open_target(application: &Application) -> Result<ScimTarget, Unworkable> {
    let TargetConfig::Scim(settings) = &application.target;
    let protected = application.protected.clone();
    ScimTarget::new(settings.as_ref().clone(), protected)
        .map_err(|cause| Unworkable::Application { name: application.name.clone(), cause: Box::new(cause) })
}

/// The compiled schema of a template for a kind of source. The number stands for exactly its document.
pub fn template_schema(name: &str, source: Vocabulary) -> anyhow::Result<(Schema, i64)> {
    let template = Templates::built_in().named(name).with_context(|| format!("there is no template `{name}`"))?;
    let document = template.schema(source).with_context(|| format!("the template `{name}`"))?;
    match compile(&document).runnable() {
        Ok(schema) => {
            let version = version_of(&document, &schema)?;
            Ok((schema, version))
        }
        Err(problems) => {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            bail!("the template `{name}` cannot run:\n  {}", problems.join("\n  "))
        }
    }
}

/// A number that changes with the document, and with what confirms a relink: who asks is looked at again then. Half of
/// SHA-256's output, as a positive integer the store can keep.
fn version_of(document: &SynchronizationSchema, schema: &Schema) -> anyhow::Result<i64> {
    let mut text = serde_json::to_vec(document).context("the schema cannot be written as JSON")?;
    for mapping in schema.mappings.iter().filter(|mapping| !mapping.confirm_by.is_empty()) {
        let confirming = (mapping.id.as_str(), &mapping.confirm_by);
        text.extend(serde_json::to_vec(&confirming).context("the confirming attributes cannot be written as JSON")?);
    }
    let digest = Sha256::digest(text);
    let (half, _) = digest.split_first_chunk::<8>().context("a SHA-256 digest has 32 bytes")?;
    Ok(i64::from_be_bytes(*half) & i64::MAX)
}
