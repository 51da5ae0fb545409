//! `provisor bench mapping`: what evaluating the mapping of a user costs, measured by the JSON of the same user.

use std::{
    collections::BTreeSet,
    hint::black_box,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use chrono::Utc;
use serde_json::{Map, Value as Json, json};

use super::{build, median};
use crate::{
    cli::{BenchMapping, Output},
    commands::Ended,
    engine::{
        decide::{Decision, Rules, decide},
        evaluate::{Context, Evaluation, evaluate},
        flow::DesiredValue,
        matching::Situation,
        policy::Policy,
        scope::{Assignments, Memberships},
    },
    expression::Seed,
    model::{Attributes, Extent, HashKey, JobId, KnownObject, Lifecycle, ObjectKey, Value},
    scim::Resource,
    sync_schema::{ObjectMapping, compile},
    templates::{Templates, Vocabulary},
};

/// What the template's mapping of users lacks of 25 attributes, six of them expressions.
const MORE: [(&str, &str); 3] = [
    ("nickName", r#"ToLower(Replace([mailNickname], , "[^A-Za-z0-9]", , "", , ))"#),
    (
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:division",
        r#"Switch([country], "Other", "DE", "EMEA", "FR", "EMEA", "US", "Americas")"#,
    ),
    (
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:organization",
        r#"Coalesce([companyName], [department], "Northwind")"#,
    ),
];

/// Nanoseconds for one user.
struct Figures {
    serialize: f64,
    parse: f64,
    evaluate: f64,
    decide: f64,
}

pub(super) fn run(options: &BenchMapping) -> anyhow::Result<Ended> {
    let mapping = mapping()?;
    let users: Vec<KnownObject> = (0..options.users).map(|number| user(number, &mapping)).collect();
    let context = Context {
        now: Utc::now(),
        job: JobId::new("bench"),
        seed: Seed::from([0; 32]),
        default_domain: None,
        memberships: Memberships::default(),
        assignments: Assignments::default(),
    };
    let resources: Vec<Map<String, Json>> =
        users.iter().map(|user| resource(user, &mapping, &context)).collect::<anyhow::Result<_>>()?;
    let texts: Vec<String> = resources.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
    let (policy, approved) = (Policy::default(), BTreeSet::new());
    let key = HashKey::from([0; 32]);
    let rules = Rules {
        mapping: &mapping,
        policy: &policy,
        approved: &approved,
        with_a_person: &approved,
        soft_delete: true,
        key: &key,
    };
    let evaluated = |user: &KnownObject| {
        let evaluation = evaluate(&user.key, &user.attributes, user.lifecycle, &mapping, &context);
        matches!(evaluation, Evaluation::Wanted(_))
    };
    let decided = |user: &KnownObject| {
        let evaluation = evaluate(&user.key, &user.attributes, user.lifecycle, &mapping, &context);
        matches!(decide(user, &evaluation, &Situation::Unmatched, rules), Decision::Act { .. })
    };
    anyhow::ensure!(users.iter().all(decided), "the mapping does not create every user");
    let each = Duration::from_millis(options.milliseconds);
    let rounds: Vec<Figures> = (0..options.rounds)
        .map(|_| Figures {
            serialize: per_item(&resources, each, |resource| serde_json::to_vec(resource).map_or(0, |text| text.len())),
            evaluate: per_item(&users, each, evaluated),
            decide: per_item(&users, each, decided),
            parse: per_item(&texts, each, |text| serde_json::from_str::<Json>(text).is_ok()),
        })
        .collect();
    let of = |figure: fn(&Figures) -> f64| median(rounds.iter().map(figure));
    let ratio = |figure: fn(&Figures) -> f64, by: fn(&Figures) -> f64| {
        median(rounds.iter().map(|round| figure(round) / by(round)))
    };
    let expressions = mapping.attributes.iter().filter_map(|attribute| attribute.expression.as_ref());
    let expressions = expressions.filter(|expression| expression.as_attribute().is_none()).count();
    let attributes = mapping.attributes.len() + mapping.references.len();
    let bytes = texts.iter().map(String::len).sum::<usize>() / texts.len().max(1);
    let figures = [
        ("serialise", of(|round| round.serialize), 1.0),
        ("parse", of(|round| round.parse), ratio(|round| round.parse, |round| round.serialize)),
        ("evaluate", of(|round| round.evaluate), ratio(|round| round.evaluate, |round| round.serialize)),
        ("evaluate and decide", of(|round| round.decide), ratio(|round| round.decide, |round| round.serialize)),
    ];
    match options.output {
        Output::Json => println!(
            "{}",
            json!({
                "users": options.users, "rounds": options.rounds, "build": build(), "attributes": attributes,
                "expressions": expressions, "bytes": bytes,
                "nanoseconds": named(figures.map(|(name, time, _)| (name, time.round()))),
                "ofSerialisation": named(figures.map(|(name, _, ratio)| (name, ratio))),
            })
        ),
        Output::Table => {
            println!(
                "mapping of a user, {attributes} attributes, {expressions} of them expressions, {bytes} bytes of JSON, {} \
                 users, {} rounds, {} build, medians",
                options.users,
                options.rounds,
                build()
            );
            for (name, time, ratio) in figures {
                println!("{name:<20} {:>8.2} µs {ratio:>8.2} × serialising", time / 1_000.0);
            }
        }
    }
    Ok(Ended::Done)
}

fn named(figures: [(&str, f64); 4]) -> Map<String, Json> {
    figures.into_iter().map(|(name, figure)| (name.to_owned(), json!(figure))).collect()
}

/// The template's mapping of users, and [`MORE`].
fn mapping() -> anyhow::Result<ObjectMapping> {
    let template = Templates::built_in().named("scim").context("the template is gone")?;
    let mut document = serde_json::to_value(template.schema(Vocabulary::Graph)?)?;
    let rows = document.pointer_mut("/synchronizationRules/0/objectMappings/0/attributeMappings");
    let rows = rows.and_then(Json::as_array_mut).context("the template has no mapping of users")?;
    for (target, expression) in MORE {
        rows.push(json!({
            "targetAttributeName": target,
            "source": { "type": "Function", "expression": expression, "parameters": [] },
            "flowType": "Always", "flowBehavior": "FlowWhenChanged", "matchingPriority": 0,
        }));
    }
    let schema = compile(&serde_json::from_value(document)?).schema.context("the mapping does not compile")?;
    schema.mappings.into_iter().next().context("the schema has no mapping")
}

/// A user with a value for every attribute.
fn user(number: u32, mapping: &ObjectMapping) -> KnownObject {
    let texts = [
        ("userPrincipalName", format!("jordan.smith{number}@northwind.example")),
        ("displayName", format!("Jordan Smith {number}")),
        ("jobTitle", "Senior Account Manager".to_owned()),
        ("mail", format!("jordan.smith{number}@northwind.example")),
        ("preferredLanguage", "en-GB".to_owned()),
        ("givenName", "Jordan".to_owned()),
        ("surname", format!("Smith {number}")),
        ("officeLocation", "Building 4, Floor 2".to_owned()),
        ("streetAddress", "12 Harbour Road".to_owned()),
        ("city", "Bristol".to_owned()),
        ("state", "England".to_owned()),
        ("postalCode", "BS1 4ND".to_owned()),
        ("country", ["DE", "FR", "GB", "US"][number as usize % 4].to_owned()),
        ("mobilePhone", format!("+44 7700 {number:06}")),
        ("faxNumber", "+44 117 496 0001".to_owned()),
        ("mailNickname", format!("jordan-smith.{number}")),
        ("employeeId", format!("{number:08}")),
        ("department", "Sales".to_owned()),
        ("objectId", format!("00000000-0000-4000-8000-{number:012}")),
    ];
    let mut attributes: Attributes = texts.into_iter().map(|(name, text)| (name, Value::Text(text))).collect();
    attributes.set("businessPhones", Value::texts(["+44 117 496 0000", "+44 117 496 0002"]));
    attributes.set("accountEnabled", Value::Boolean(true));
    KnownObject {
        key: ObjectKey { mapping: mapping.id.clone(), anchor: format!("{number}").as_str().into() },
        kind: mapping.source_kind.clone(),
        revision: 1,
        lifecycle: Lifecycle::Present,
        attributes,
        link: None,
        edges: Vec::new(),
        extent: Extent::Whole,
        escrow: None,
        removals: Vec::new(),
    }
}

/// The resource that the mapping makes of a user.
fn resource(user: &KnownObject, mapping: &ObjectMapping, context: &Context) -> anyhow::Result<Map<String, Json>> {
    let Evaluation::Wanted(wanted) = evaluate(&user.key, &user.attributes, user.lifecycle, mapping, context) else {
        anyhow::bail!("the mapping leaves a user alone");
    };
    let mut resource = Resource::new(&mapping.schema);
    for attribute in wanted.attributes {
        if let DesiredValue::Set(value) = attribute.value {
            resource.set(&attribute.mapping.target, value);
        }
    }
    Ok(resource.into_map())
}

/// Runs through the items until the time is over; answers nanoseconds an item.
fn per_item<T, R>(items: &[T], time: Duration, work: impl Fn(&T) -> R) -> f64 {
    let begun = Instant::now();
    let mut done = 0_usize;
    while begun.elapsed() < time {
        for item in items {
            black_box(work(black_box(item)));
        }
        done += items.len();
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of items is far below 2^52")]
    let done = done.max(1) as f64;
    begun.elapsed().as_nanos() as f64 / done
}
