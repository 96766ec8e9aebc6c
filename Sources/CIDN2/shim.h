#pragma once
// Only CUnicodeText builds on this module; no Swift file imports it.
#include <idn2.h>
