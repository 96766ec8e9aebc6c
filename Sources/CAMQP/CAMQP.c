#include "CAMQP.h"
