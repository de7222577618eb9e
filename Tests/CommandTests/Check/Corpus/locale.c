/* environment: another locale after a call */
#include <locale.h>
#define BEFORE setlocale(LC_ALL, "C.UTF-8")
#include "loss.h"
