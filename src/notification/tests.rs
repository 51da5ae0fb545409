use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::*;
use crate::model::{CycleKind, CycleState, QuarantineError, TargetIdentity};
use crate::net::fake_server::{FakeServer, Reply};
use crate::secret::Secret;
use crate::store::EndOfCycle;

/// A store whose one job has ended a cycle with this health.
async fn end(store: &Store, reason: Option<QuarantineReason>) {
    let (job, now) = (JobId::new("hr"), DateTime::UNIX_EPOCH);
    store.ensure_job(&job, "crm", &TargetIdentity::new("https://crm.example")).await.expect("it is stored");
    let cycle = store.begin_cycle(&job, CycleKind::Incremental, now).await.expect("it begins");
    let error = QuarantineError { code: "Unauthorized".into(), message: "refused".into(), tenant_actionable: true };
    let quarantine = reason.map(|reason| Quarantine {
        reason,
        current_began: now,
        series_began: now,
        series_count: 0,
        next_attempt: Some(now),
        error,
    });
    let (counters, health) =
        (Counters { escrowed: 7, ..Counters::default() }, Health { quarantine, ..Health::default() });
    let end = EndOfCycle { state: CycleState::Partial, counters: &counters, error: None, health: &health };
    store.end_cycle(&job, &cycle.id, end, now).await.expect("it ends");
}

async fn store() -> Store {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Store::open(&Secret::new("sqlite::memory:"), None).await.expect("a store in memory")
}

fn webhook(server: &FakeServer) -> Receiver {
    let url = server.url().join("services/hunter2").expect("a URL");
    let bearer = Some(Secret::new("hunter2"));
    let settings = WebhookSettings { url, bearer, ca_file: None, proxy: crate::net::ProxyChoice::Direct };
    assert!(settings.problem().is_none() && !format!("{settings:?}").contains("hunter2"));
    Receiver::Webhook(Box::new(Webhook::new(settings).expect("a client")))
}

#[tokio::test]
async fn entry_change_and_exit_are_told_once_each() {
    use QuarantineReason::{EncounteredBaseEscrowThreshold, EncounteredQuarantineException};
    let (store, job) = (store().await, JobId::new("hr"));
    let server = FakeServer::start(|_| Reply::empty(204)).await;
    let webhook = webhook(&server);
    for reason in [
        None,
        Some(EncounteredQuarantineException),
        Some(EncounteredQuarantineException),
        Some(EncounteredBaseEscrowThreshold),
        None,
        None,
    ] {
        end(&store, reason).await;
        tell(&store, &webhook, &job).await.expect("it is told");
        assert!(!tell(&store, &webhook, &job).await.expect("nothing is left"), "told twice");
    }
    let requests = server.requests();
    let told: Vec<_> = requests.iter().map(|request| request.json()).collect();
    let events: Vec<_> = told.iter().map(|notice| notice["event"].as_str().unwrap_or_default()).collect();
    assert_eq!(events, ["quarantineImposed", "quarantineReasonChanged", "quarantineLifted"]);
    assert_eq!(requests[0].header("authorization"), Some("Bearer hunter2"));
    assert!(!requests.iter().any(|request| request.body.contains("hunter2")));
    assert_eq!(
        (&told[0]["job"], &told[0]["state"], &told[0]["counters"]["escrowed"]),
        (&json!("hr"), &json!("Quarantine"), &json!(7))
    );
    assert_eq!(told[0]["quarantine"]["reason"], "EncounteredQuarantineException");
    assert_eq!(told[1]["formerReason"], "EncounteredQuarantineException");
    assert_eq!((&told[2]["state"], &told[2]["quarantine"]), (&json!("Active"), &json!(null)));
    assert_eq!(told[0]["time"], "1970-01-01T00:00:00Z");
}

#[tokio::test]
async fn a_refused_notice_stays_to_be_told_and_its_error_shows_no_secret() {
    let (store, job) = (store().await, JobId::new("hr"));
    let refuses = Arc::new(AtomicBool::new(true));
    let heard = Arc::clone(&refuses);
    let server =
        FakeServer::start(move |_| if heard.load(Ordering::SeqCst) { Reply::empty(500) } else { Reply::empty(200) })
            .await;
    let webhook = webhook(&server);
    end(&store, Some(QuarantineReason::TooManyDeletes)).await;
    let error = tell(&store, &webhook, &job).await.expect_err("it was refused");
    let text = format!("{error} {:?}", std::error::Error::source(&error).map(ToString::to_string));
    assert!(text.contains("answered 500") && !text.contains("hunter2"), "{text}");
    refuses.store(false, Ordering::SeqCst);
    assert!(tell(&store, &webhook, &job).await.expect("it is told"));
}

#[tokio::test]
async fn the_gateway_tells_what_was_left_and_what_changes() {
    let store = store().await;
    let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let sender = Mutex::new(sender);
    let server = FakeServer::start(move |request| {
        let _ = sender.lock().expect("nobody panics").send(request.json()["event"].clone());
        Reply::empty(200)
    })
    .await;
    end(&store, Some(QuarantineReason::TooManyDeletes)).await;
    let (changed, stop) = (watch::Sender::new(()), CancellationToken::new());
    let jobs = vec![JobId::new("hr")];
    let telling = tokio::spawn(keep_telling(webhook(&server), store.clone(), jobs, changed.subscribe(), stop.clone()));
    assert_eq!(heard.recv().await, Some(json!("quarantineImposed")));
    // The receiver has answered, but what was told may not be stored yet.
    while store.told(&JobId::new("hr"), Channel::Webhook).await.expect("it answers").is_none() {
        tokio::task::yield_now().await;
    }
    end(&store, None).await;
    changed.send_replace(());
    assert_eq!(heard.recv().await, Some(json!("quarantineLifted")));
    stop.cancel();
    telling.await.expect("it ends");
}

#[tokio::test(start_paused = true)]
async fn what_happens_meanwhile_brings_no_attempt_forward() {
    let store = store().await;
    let attempts = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counted = Arc::clone(&attempts);
    let server = FakeServer::start(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        Reply::empty(500)
    })
    .await;
    end(&store, Some(QuarantineReason::TooManyDeletes)).await;
    let (changed, stop) = (watch::Sender::new(()), CancellationToken::new());
    let jobs = vec![JobId::new("hr")];
    let telling = keep_telling(webhook(&server), store.clone(), jobs, changed.subscribe(), stop.clone());
    let began = tokio::time::Instant::now();
    let happening = async {
        while attempts.load(Ordering::SeqCst) < 3 {
            changed.send_replace(());
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        stop.cancel();
    };
    tokio::join!(telling, happening);
    assert!(began.elapsed() >= std::time::Duration::from_secs(30), "10 and 20 seconds lie between three attempts");
}

#[tokio::test]
async fn who_was_told_is_not_told_again_because_somebody_else_was_not() {
    let (store, job) = (store().await, JobId::new("hr"));
    let server = FakeServer::start(|_| Reply::empty(200)).await;
    let webhook = webhook(&server);
    let refusing = mail::MailSettings {
        host: "127.0.0.1".into(),
        port: Some(1),
        tls: MailTls::None,
        auth: None,
        ca_file: None,
        from: "gateway@corp.example".into(),
        to: vec!["ops@corp.example".into()],
    };
    let mail = Receiver::Mail(Box::new(Mail::new(refusing).map_err(|problem| problem.1).expect("it is sound")));
    end(&store, Some(QuarantineReason::TooManyDeletes)).await;
    assert!(tell(&store, &webhook, &job).await.expect("it is told"));
    let error = tell(&store, &mail, &job).await.expect_err("nobody listens");
    assert!(matches!(error, NotTold::Send { cause: NotSent::Mail(NotMailed::NoAnswer { .. }), .. }), "{error:?}");
    assert!(!tell(&store, &webhook, &job).await.expect("nothing is left"), "told twice");
    assert!(tell(&store, &mail, &job).await.is_err(), "it stays to be told");
}
