//! A notice as an e-mail. Pure but for the date in its head.

use lettre::error::Error;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, SinglePart};
use sha2::{Digest, Sha256};

use crate::model::Quarantine;
use crate::notification::{Event, Notice, what_to_do};

/// A subject is read at a glance.
const LONGEST_SUBJECT: usize = 150;
/// The message of an error may hold what a server said.
const LONGEST_MESSAGE: usize = 2_000;

/// The message for these people.
pub(super) fn written(notice: &Notice, from: &Mailbox, to: &[Mailbox]) -> Result<Message, Error> {
    let mut message = Message::builder()
        .from(from.clone())
        .subject(subject(notice))
        .message_id(Some(id(notice, from)))
        .header(AutoSubmitted);
    for recipient in to {
        message = message.to(recipient.clone());
    }
    message.singlepart(SinglePart::plain(body(notice)))
}

fn subject(notice: &Notice) -> String {
    let job = notice.job.as_str();
    let what = match notice.event {
        Event::QuarantineImposed => format!("Job {job} is in quarantine"),
        Event::QuarantineReasonChanged => format!("Job {job} has another reason for its quarantine"),
        Event::QuarantineLifted => format!("Job {job} is out of quarantine"),
    };
    shortened(&on_one_line(&what), LONGEST_SUBJECT)
}

fn body(notice: &Notice) -> String {
    let job = shortened(&on_one_line(notice.job.as_str()), LONGEST_SUBJECT);
    let mut lines = vec![subject(notice), String::new()];
    if let Some(quarantine) = &notice.quarantine {
        let Quarantine { reason, series_began, next_attempt, error, .. } = quarantine;
        lines.push(format!("Reason: {reason:?}"));
        lines.push(format!("Since:  {}", series_began.format("%F %T UTC")));
        lines.push(match next_attempt {
            Some(next) => format!("Next:   {}", next.format("%F %T UTC")),
            None => "Next:   the schedule goes on".to_owned(),
        });
        lines.extend([String::new(), shortened(&on_one_line(&error.message), LONGEST_MESSAGE), String::new()]);
        lines.extend([what_to_do(*reason, &job), String::new()]);
    }
    if let Some(time) = notice.time {
        let (time, counters) = (time.format("%F %T UTC"), notice.counters.in_words());
        lines.push(format!("The last cycle ended at {time}: {counters}."));
    }
    lines.push(String::new());
    lines.join("\r\n")
}

/// The same however often a notice is sent, until another cycle has ended, so that whoever gets it twice can tell. Never
/// the same for two events: mail servers drop what they believe to have.
fn id(notice: &Notice, from: &Mailbox) -> String {
    let reason = notice.quarantine.as_ref().map(|quarantine| quarantine.reason);
    let event = format!("{:?}", (&notice.job, notice.event, notice.former_reason, reason, notice.time));
    let digest = Sha256::digest(event.as_bytes());
    let half: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("<{half}@{}>", from.email.domain())
}

/// A line break in a head would begin another field.
fn on_one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect()
}

fn shortened(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => [text.get(..end).unwrap_or_default(), "…"].concat(),
        None => text.to_owned(),
    }
}

/// A machine wrote it: no machine is to answer (RFC 3834 section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
