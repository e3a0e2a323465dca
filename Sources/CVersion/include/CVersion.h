#pragma once

/// The version that `make` takes from git (version.sh), or "unversioned" after a plain `swift build`.
const char *wf_version(void);
