#pragma once
// Only CTypesetting builds on this module; no Swift file imports it.
#include <cairo-pdf.h>
#include <pango/pangocairo.h>
