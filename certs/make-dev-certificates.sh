#!/bin/sh
# Makes a certificate for this machine alone, and the authority that signs it:
#
#   dev-ca.crt      the authority; tell browsers and curl to trust this one
#   localhost.crt   the server's certificate, followed by the authority's
#   localhost.key   the server's private key (P-256), readable by its owner only
#
# Usage: make-dev-certificates.sh [-d DIRECTORY] [NAME | ADDRESS]...
#
# The certificate is good for localhost, 127.0.0.1, ::1 and the names and addresses given. Files
# that exist, last another day and have all names are left as they are. The authority's key is
# deleted once it has signed, so nobody can ever sign anything else with it. Not for production.
set -eu
umask 077

directory=$(dirname -- "$0")
while getopts d: option; do
    case $option in
    d) directory=$OPTARG ;;
    *) echo "usage: $0 [-d DIRECTORY] [NAME | ADDRESS]..." >&2; exit 2 ;;
    esac
done
shift $((OPTIND - 1))
set -- localhost 127.0.0.1 ::1 "$@"

command -v openssl >/dev/null || { echo "$0: openssl is not installed" >&2; exit 1; }
mkdir -p -- "$directory"
cd -- "$directory"
authority='Signalbox development CA'

is_address() {
    case $1 in
    *:*) return 0 ;;
    *[!0-9.]*) return 1 ;;
    *) return 0 ;;
    esac
}

# Prints why the certificate must be made again; nothing if it is fine.
complaint() {
    for file in dev-ca.crt localhost.crt localhost.key; do
        if [ ! -s "$file" ]; then
            echo "$file is missing"
            return
        fi
    done
    if ! openssl x509 -in localhost.crt -noout -checkend 86400 >/dev/null; then
        echo "localhost.crt expires within a day"
        return
    fi
    if [ "$(openssl x509 -in localhost.crt -noout -pubkey)" != \
        "$(openssl pkey -in localhost.key -pubout)" ]; then
        echo "localhost.crt and localhost.key do not match"
        return
    fi
    for name; do
        if is_address "$name"; then check=-checkip; else check=-checkhost; fi
        if ! openssl x509 -in localhost.crt -noout "$check" "$name" | grep -q 'does match'; then
            echo "localhost.crt is not for $name"
            return
        fi
    done
}

reason=$(complaint "$@")
if [ -z "$reason" ]; then
    echo "$directory/localhost.crt is good until" \
        "$(openssl x509 -in localhost.crt -noout -enddate | cut -d= -f2)"
    exit 0
fi
if [ -s localhost.crt ] &&
    ! openssl x509 -in localhost.crt -noout -issuer | grep -q "$authority"; then
    echo "$0: $reason, but it was not made here: move it away first" >&2
    exit 1
fi

work=$(mktemp -d ./.making.XXXXXX)
trap 'rm -rf -- "$work"' EXIT
trap 'exit 1' HUP INT TERM

names=
for name; do
    if is_address "$name"; then kind=IP; else kind=DNS; fi
    names=${names:+$names,}$kind:$name
done

# A configuration of our own: the system's may add extensions that we do not know about.
cat >"$work/openssl.cnf" <<END
[req]
distinguished_name = subject
prompt = no
[subject]
CN = localhost
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = $names
END

# Browsers refuse certificates that last longer than 398 days. Each authority has a name of its
# own, so that trusting an old one never clashes with the present one.
openssl ecparam -name prime256v1 -genkey -noout -out "$work/ca.key"
openssl req -new -x509 -config "$work/openssl.cnf" -extensions authority -sha256 -days 398 \
    -subj "/CN=$authority $(openssl rand -hex 4)" -key "$work/ca.key" -out "$work/dev-ca.crt"
openssl ecparam -name prime256v1 -genkey -noout -out "$work/localhost.key"
openssl req -new -config "$work/openssl.cnf" -sha256 -key "$work/localhost.key" \
    -out "$work/localhost.csr"
openssl x509 -req -in "$work/localhost.csr" -CA "$work/dev-ca.crt" -CAkey "$work/ca.key" \
    -set_serial "0x$(openssl rand -hex 15)" -sha256 -days 397 -extfile "$work/openssl.cnf" \
    -extensions server -out "$work/localhost.crt" 2>/dev/null
rm -f "$work/ca.key"

cat "$work/dev-ca.crt" >>"$work/localhost.crt"
chmod 0644 "$work/dev-ca.crt" "$work/localhost.crt"
mv -f "$work/localhost.key" "$work/dev-ca.crt" "$work/localhost.crt" .

echo "$reason: made $directory/localhost.crt for $*"
echo "trust $directory/dev-ca.crt to use it, e.g. curl --cacert $directory/dev-ca.crt"
