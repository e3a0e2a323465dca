#pragma once

/// The version that `make` takes from git (systemd/debian/version.sh), or "unversioned" after a plain `swift build`.
const char *wf_version(void);
