#include "base/err.h"

#include <errno.h>

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

enum pl_err pl_err_of_errno(int number)
{
	switch (number) {
	case ENOENT:
	case ENOTDIR:
		return PL_ENOENT;
	case EACCES:
	case EPERM:
	case EROFS:
		return PL_EACCES;
	default:
		return PL_EIO;
	}
}
