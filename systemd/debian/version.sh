#!/bin/sh
# Prints the version of this source tree. A tag v1.2.3 is the release 1.2.3; a commit after it adds its time and its hash,
# such as 1.2.3+git20260102030405.abcdef0, so that dpkg takes a later commit for a newer version.
set -eu
cd "$(dirname "$0")/../.."

if [ -e .git ] && command -v git > /dev/null; then
    commit=$(git log -1 --format='%ct %h')
    described=$(git describe --tags --match 'v[0-9]*' 2> /dev/null || :)
    changed=$(git status --porcelain --untracked-files=no | head -n 1)
else
    # git replaces these where it makes an archive (.gitattributes).
    commit='$Format:%ct %h$'
    described='$Format:%(describe:tags,match=v[0-9]*)$'
    changed=
    case $commit in '$'*) commit= described= ;; esac
fi

# v1.2.3-4-gabcdef0 is four commits after v1.2.3.
tag=$(echo "$described" | sed 's/-[0-9]*-g[0-9a-f]*$//')
version=$(echo "${tag:-v0.1.0}" | sed -e 's/^v//' -e 's/-/~/g')
if [ -n "$commit" ] && { [ -z "$tag" ] || [ "$tag" != "$described" ] || [ -n "$changed" ]; }; then
    version="$version+git$(date -u -d "@${commit% *}" +%Y%m%d%H%M%S).${commit#* }"
fi
echo "$version${changed:+.changed}"
