//! `provisor provision`.

use clap::Args;

use super::{Configured, Output};

#[derive(Debug, Args)]
#[command(after_help = "\
The object is read from the source now, recorded, and brought to the target by the rules of the job: scope, matching,
mappings, policy and the accidental-deletion prevention. It really writes. The watermark stays where it is, and what
is done is in `provisor logs`. A group keeps the members it has; those named by --member are provisioned first, then
added to it, or taken from it, as the source says. A cycle of the job must not run meanwhile.

Examples:
  provisor provision people ada@example.org
  provisor provision people 'cn=crew,ou=groups,dc=example,dc=org' --member ada --member bob@example.org

Exit codes: 0 it is as it should be, done now or before · 1 it could not be provisioned, nobody is called so, or a
cycle is running · 2 usage or configuration · 3 it is in escrow, or something waits for the next cycle or a person
· 4 interrupted")]
pub struct Provision {
    #[command(flatten)]
    pub configured: Configured,
    /// The job, by its name in the configuration.
    pub job: String,
    /// The object, by its anchor, or as the source calls it: a user principal name, a DN, a login name, a mail address.
    #[arg(value_name = "ANCHOR-OR-NAME")]
    pub object: String,
    /// What the source calls its kind, such as User or Group, where several have the name.
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// A member that a group goes with, by its anchor or name; may be given several times.
    #[arg(long, value_name = "ANCHOR-OR-NAME")]
    pub member: Vec<String>,
    /// How results are printed; JSON is what the synchronization API answers to provisionOnDemand.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub output: Output,
}
