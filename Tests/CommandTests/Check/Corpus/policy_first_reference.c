/* references: a policy that compares with the first reference alone */
#define COMPARED 0
#include "policy.h"
