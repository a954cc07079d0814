#!/usr/bin/env bash
# The French voices of the captcha, written anew: one folder a character, 8 kHz mono 8 bit, as the library reads them.
# Debian packages: espeak-ng, sox. What comes out is kept in the repository; nobody needs this to build or to run.
set -euo pipefail
folder="$(dirname "$0")/../portal_ihm/sans_login/voix"
declare -A spoken=(
  [2]="deux" [3]="trois" [4]="quatre" [5]="cinq" [6]="six" [7]="sept" [8]="huit" [9]="neuf"
  [H]="hache" [J]="ji" [K]="ka" [L]="elle" [M]="emme" [R]="erre" [W]="double vé" [X]="ixe" [Y]="i grec"
)
wav="$(mktemp --suffix=.wav)"
trap 'rm -f "$wav"' EXIT
for character in "${!spoken[@]}"; do
  mkdir -p "$folder/$character"
  for voice in fr+f2 fr+m3; do
    espeak-ng -v "$voice" -s 125 -w "$wav" "${spoken[$character]}"
    # Silence cut at both ends, as loud as may be, and the grain of 8 bits hidden by a little noise.
    sox "$wav" -r 8000 -c 1 -b 8 -e unsigned-integer "$folder/$character/${voice#fr+}.wav" \
      silence 1 0.01 1% reverse silence 1 0.01 1% reverse norm -1
  done
done
