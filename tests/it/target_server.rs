//! `provisor target` as a person starts it: with files for credentials, tenants, faults and people.

use crate::support::provisor::{TOKEN, Workplace, get, status};

#[test]
fn files_bring_tenants_faults_and_people() {
    let workplace = Workplace::new();
    workplace.write("token", [TOKEN, "\n"].concat());
    workplace.write(
        "auth.yaml",
        "credentials:\n  - bearer: { token: reader, access: read }\n\
         tenants:\n  - name: acme\n    dialect: empty-404\n    credentials: [{ bearer: { token: \"${file:token}\" } }]\n",
    );
    workplace.write("faults.yaml", "- { method: GET, path: /Groups, do: { status: 503, retry_after: 2 } }\n");
    workplace.write("people.jsonl", "{\"userName\": \"ada\"}\n\n{\"userName\": \"eve\"}\n");
    let mut process = workplace.start(&[
        "target",
        "--listen",
        "127.0.0.1:0",
        "--auth",
        "auth.yaml",
        "--faults",
        "faults.yaml",
        "--load",
        "people.jsonl",
        "--dialect",
        "small-pages",
    ]);
    let url = process.line(|line| line.strip_prefix("serving SCIM 2.0 at ").map(str::to_owned));
    assert_eq!(get(&[&url, "/Users"].concat(), "reader")["totalResults"], 2);
    assert_eq!(get(&[&url, "/ServiceProviderConfig"].concat(), "reader")["filter"]["maxResults"], 10);
    let tenant = url.replace("/scim/v2", "/tenants/acme/scim/v2");
    assert_eq!(get(&[&tenant, "/Users"].concat(), TOKEN)["totalResults"], 0);
    assert_eq!(status(&[&url, "/Groups"].concat(), "reader"), 503);
    process.signal("INT");
    let ended = process.ended();
    ended.assert_code(0);
    assert!(!ended.said().contains(TOKEN) && !ended.said().contains("reader"), "{}", ended.said());
}

#[test]
fn files_that_cannot_be_used_are_named_with_the_place() {
    let workplace = Workplace::new();
    workplace.write("misspelt.yaml", ["credentials:\n  - bearer: { tokn: ", TOKEN, " }\n"].concat());
    workplace.write("nobody.yaml", "tenants: []\n");
    workplace.write("hash.yaml", ["credentials: [{ basic: { name: a, password_hash: ", TOKEN, " } }]\n"].concat());
    workplace.write("people.jsonl", "{\"userName\": \"ada\"}\n[]\n");
    workplace.write("faults.yaml", "- { nth: 1, do: { drop: true, hang: true } }\n");
    for (arguments, code, words) in [
        (vec!["--auth", "misspelt.yaml"], 2, vec!["misspelt.yaml:2:15", "tokn", "token"]),
        (vec!["--auth", "nobody.yaml"], 2, vec!["nobody could call"]),
        (vec!["--auth", "hash.yaml"], 2, vec!["password_hash", "argon2"]),
        (vec!["--auth", "missing.yaml"], 1, vec!["missing.yaml"]),
        (vec!["--token", TOKEN, "--faults", "faults.yaml"], 2, vec!["faults.yaml:1:", "`do` is one of"]),
        (vec!["--token", TOKEN, "--load", "people.jsonl"], 1, vec!["people.jsonl", "line 2"]),
    ] {
        let arguments = [vec!["target", "--listen", "127.0.0.1:0"], arguments].concat();
        workplace.run(&arguments).assert_refused(code, &words);
    }
    for arguments in [vec!["target"], vec!["target", "--token", "x", "--dialect", "klingon"]] {
        let ended = workplace.run(&arguments);
        ended.assert_code(2);
        assert!(
            ended.stderr.contains("--token") || ended.stderr.contains("aws-iam-identity-center"),
            "{}",
            ended.said()
        );
    }
}
