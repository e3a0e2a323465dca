// zlib, for what is sent compressed.
#pragma once

#include <zlib.h>
