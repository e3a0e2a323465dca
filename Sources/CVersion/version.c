#include "CVersion.h"

const char *wf_version(void) { return WF_VERSION; }
