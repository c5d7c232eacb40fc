#include "base/err.h"

const char *pl_err_text(enum pl_err err)
{
	switch (err) {
#define X(name, text)                                                                                                            \
	case name:                                                                                                               \
		return text;
		PL_ERR_MAP(X)
#undef X
	}
	return "unknown error";
}
