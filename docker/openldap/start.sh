#!/usr/bin/env bash
# Makes a certificate and loads the fixture directory when they are not there yet, then serves.
set -euo pipefail
: "${LDAP_ADMIN_PASSWORD:?set LDAP_ADMIN_PASSWORD}"

if [[ ! -e /certs/openldap.pem ]]; then
    openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj "/CN=Provisor demo CA" \
        -keyout /tmp/ca.key -out /certs/ca.pem
    openssl req -newkey rsa:2048 -nodes -subj "/CN=openldap" -keyout /certs/openldap.key -out /tmp/openldap.csr
    openssl x509 -req -in /tmp/openldap.csr -CA /certs/ca.pem -CAkey /tmp/ca.key -CAcreateserial -days 365 \
        -extfile <(echo "subjectAltName=DNS:openldap,DNS:localhost") -out /certs/openldap.pem
    rm /tmp/ca.key
fi

configuration=/var/lib/openldap/slapd.conf
(
    umask 077
    hash=$(slappasswd -s "$LDAP_ADMIN_PASSWORD")
    sed "s|@ROOTPW@|$hash|" /etc/openldap/slapd.conf.in > "$configuration"
)
if [[ ! -d /var/lib/openldap/data ]]; then
    mkdir /var/lib/openldap/data
    slapadd -q -f "$configuration" -l /fixtures/directory.ldif
fi
exec slapd -f "$configuration" -h "ldap://0.0.0.0:1389" -d stats
