//! Attribute names: how two spellings are recognised as one attribute, and which attributes hold bytes or secrets.

/// Other names and OIDs of common attributes (RFC 4519, RFC 4524), lower case, with the name servers answer with.
const ALIASES: &[(&str, &str)] = &[
    ("0.9.2342.19200300.100.1.1", "uid"),
    ("0.9.2342.19200300.100.1.25", "dc"),
    ("0.9.2342.19200300.100.1.3", "mail"),
    ("1.2.840.113549.1.9.1", "email"),
    ("2.5.4.10", "o"),
    ("2.5.4.11", "ou"),
    ("2.5.4.3", "cn"),
    ("2.5.4.4", "sn"),
    ("2.5.4.42", "givenname"),
    ("2.5.4.5", "serialnumber"),
    ("2.5.4.6", "c"),
    ("2.5.4.7", "l"),
    ("2.5.4.8", "st"),
    ("2.5.4.9", "street"),
    ("commonname", "cn"),
    ("countryname", "c"),
    ("domaincomponent", "dc"),
    ("e", "email"),
    ("emailaddress", "email"),
    ("fax", "facsimiletelephonenumber"),
    ("friendlycountryname", "co"),
    ("gn", "givenname"),
    ("hometelephonenumber", "homephone"),
    ("localityname", "l"),
    ("mobiletelephonenumber", "mobile"),
    ("organizationalunitname", "ou"),
    ("organizationname", "o"),
    ("pagertelephonenumber", "pager"),
    ("pkcs9email", "email"),
    ("rfc822mailbox", "mail"),
    ("s", "st"),
    ("stateorprovincename", "st"),
    ("streetaddress", "street"),
    ("surname", "sn"),
    ("userid", "uid"),
];

/// Attributes whose values are bytes, whatever these look like: a random identifier may well be valid UTF-8.
const BINARY: &[&str] = &[
    "audio",
    "cacertificate",
    "jpegphoto",
    "ms-ds-consistencyguid",
    "msexchmailboxguid",
    "ntsecuritydescriptor",
    "objectguid",
    "objectsid",
    "parentguid",
    "photo",
    "sidhistory",
    "thumbnailphoto",
    "usercertificate",
    "userpkcs12",
    "usersmimecertificate",
    "x500uniqueidentifier",
];

/// Attributes that hold credentials: never requested, never stored.
const CREDENTIALS: &[&str] =
    &["krbprincipalkey", "sambalmpassword", "sambantpassword", "supplementalcredentials", "unicodepwd", "userpassword"];

/// The form in which two spellings of one attribute are equal: lower case, aliases and OIDs replaced by one name. The
/// option `;binary` is a matter of transfer and is dropped, others (`;lang-fr`) make another attribute.
pub(super) fn canonical(description: &str) -> String {
    let lower = description.trim().to_ascii_lowercase();
    let mut parts = lower.split(';');
    let mut name = canonical_type(parts.next().unwrap_or_default());
    for option in parts.filter(|option| *option != "binary") {
        name.push(';');
        name.push_str(option);
    }
    name
}

/// [`canonical`] for a lower-case attribute type without options, as a DN holds it.
pub(super) fn canonical_type(lower: &str) -> String {
    let name = lower.strip_prefix("oid.").unwrap_or(lower);
    match ALIASES.binary_search_by_key(&name, |(alias, _)| alias) {
        Ok(found) => ALIASES[found].1.to_owned(),
        Err(_) => name.to_owned(),
    }
}

/// True when the values of this canonical name are bytes.
pub(super) fn is_binary(canonical: &str) -> bool {
    BINARY.binary_search(&type_of(canonical)).is_ok()
}

/// True when this canonical name holds a credential.
pub(super) fn is_credential(canonical: &str) -> bool {
    CREDENTIALS.binary_search(&type_of(canonical)).is_ok()
}

/// True for an attribute description of RFC 4512 section 2.5: letters, digits, hyphens, dots and options.
pub(super) fn is_description(text: &str) -> bool {
    text.len() <= 256
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.chars().all(|character| character.is_ascii_alphanumeric() || "-.;".contains(character))
}

fn type_of(canonical: &str) -> &str {
    canonical.split(';').next().unwrap_or(canonical)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_attribute_are_equal() {
        for (one, other) in [
            ("givenName", "GIVENNAME"),
            ("surname", "sn"),
            ("2.5.4.3", "commonName"),
            ("OID.2.5.4.11", "ou"),
            ("userCertificate;binary", "usercertificate"),
        ] {
            assert_eq!(canonical(one), canonical(other));
        }
        assert_ne!(canonical("cn;lang-fr"), canonical("cn"));
    }

    #[test]
    fn the_tables_are_sorted_for_binary_search() {
        assert!(ALIASES.is_sorted_by_key(|(alias, _)| *alias));
        assert!(BINARY.is_sorted());
        assert!(CREDENTIALS.is_sorted());
    }

    #[test]
    fn credentials_are_known_in_any_spelling() {
        assert!(is_credential(&canonical("UserPassword")));
        assert!(is_credential(&canonical("userPassword;x-old")));
        assert!(!is_credential("mail"));
    }

    #[test]
    fn only_attribute_descriptions_are_names() {
        for good in ["cn", "cn;lang-fr", "2.5.4.3", "x-custom-1"] {
            assert!(is_description(good), "{good}");
        }
        for bad in ["", "*", "+", "a b", "cn)(", "ünicode", "-x"] {
            assert!(!is_description(bad), "{bad}");
        }
    }
}
