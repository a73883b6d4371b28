#!/bin/sh
# sh decrypt.sh private.pem < values.txt
#
# One encrypted value a line in, its plain text a line out. Only short values: the openssl command cannot check the
# seal of a JWE, which is what a long value is (it holds four dots); take any other program of this kit for those.
set -eu
key=${1:?Name the file of your private key: sh decrypt.sh private.pem < values.txt}
while IFS= read -r value; do
  case $value in *.*) echo "A long value (JWE) is not opened by this script." >&2; exit 1 ;; esac
  printf %s "$value" | openssl base64 -d -A | openssl pkeyutl -decrypt -inkey "$key" \
    -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256
  echo
done
