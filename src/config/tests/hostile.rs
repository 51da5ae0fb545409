//! Whatever a file holds, reading it ends with a configuration or with problems.

use proptest::prelude::*;

use super::{SOUND, parse};

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_yaml_makes_it_panic(parts in proptest::collection::vec(yaml_part(), 0..60)) {
        let _ = parse(&parts.concat());
    }

    #[test]
    fn no_damage_to_a_sound_file_makes_it_panic(at in 0..SOUND.len(), cut in 0..40_usize, part in yaml_part()) {
        let end = (at + cut).min(SOUND.len());
        let _ = parse(&[&SOUND[..at], part.as_str(), &SOUND[end..]].concat());
    }
}

fn yaml_part() -> impl Strategy<Value = String> {
    let words = "sources applications jobs name ldap graph target scim store url schedule interval policy".split(' ');
    let marks = [
        ": ",
        "- ",
        "\n",
        "\n  ",
        "\n    ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "\"",
        "'",
        "&a ",
        "*a ",
        "<<: ",
        "!!binary ",
        "|",
        ">",
        "#",
        "---\n",
        "? ",
        "null",
        "true",
        "1e999",
        "-9223372036854775808",
        "0x1f",
        "${env:",
        "${file:",
        "$${",
        "é",
        "\u{feff}",
        "\t",
        "%YAML 1.2\n",
    ];
    let parts: Vec<&str> = words.chain(marks).collect();
    prop_oneof![proptest::sample::select(parts).prop_map(str::to_owned), "[ -~\\n]{0,6}"]
}
