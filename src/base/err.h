/* Results of fallible functions. */
#ifndef PL_BASE_ERR_H
#define PL_BASE_ERR_H

/* A fallible function returns one of these and is declared PL_MUST_CHECK. */
#define PL_ERR_MAP(X)                                                                                                            \
	X(PL_OK, "ok")                                                                                                           \
	X(PL_EINVAL, "invalid argument")                                                                                         \
	X(PL_EPARSE, "malformed input")                                                                                          \
	X(PL_ELIMIT, "limit exceeded")                                                                                           \
	X(PL_EFULL, "full")                                                                                                      \
	X(PL_ENOENT, "not found")                                                                                                \
	X(PL_EEXIST, "already there")                                                                                            \
	X(PL_EINUSE, "address in use")                                                                                           \
	X(PL_EACCES, "permission denied")                                                                                        \
	X(PL_EIO, "input/output error")                                                                                          \
	X(PL_ENET, "network error")                                                                                              \
	X(PL_ETIMEOUT, "timed out")                                                                                              \
	X(PL_ECANCELED, "cancelled")                                                                                             \
	X(PL_EUNSUPPORTED, "not supported")                                                                                      \
	X(PL_EVERSION, "version does not fit")

enum pl_err {
#define X(name, text) name,
	PL_ERR_MAP(X)
#undef X
};

#define PL_MUST_CHECK __attribute__((warn_unused_result))

/* A short English text for `err`; static storage, never NULL. */
const char *pl_err_text(enum pl_err err);

/* The nearest to what a system call on a file left in errno. */
enum pl_err pl_err_of_errno(int number);

#endif
