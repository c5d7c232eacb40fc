#include "net/self_signed.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_HOST = 64, SERIAL_BITS = 120, SLACK_S = 3600, LIFE_S = 10 * 365 * 24 * 3600 };

/* This host's name, unless it could mean something in the text of an extension. */
static void host_name(char out[MAX_HOST + 1])
{
	if (gethostname(out, MAX_HOST) != 0)
		out[0] = '\0';
	out[MAX_HOST] = '\0';
	for (const char *p = out; *p != '\0'; p++) {
		if (!isalnum((unsigned char)*p) && *p != '-' && *p != '.') {
			out[0] = '\0';
			break;
		}
	}
	if (out[0] == '\0')
		snprintf(out, MAX_HOST, "localhost");
}

static bool extend(X509 *cert, int nid, const char *value)
{
	X509V3_CTX about;
	X509V3_set_ctx_nodb(&about);
	X509V3_set_ctx(&about, cert, cert, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &about, nid, value);
	bool fine = e != NULL && X509_add_ext(cert, e, -1) == 1;
	X509_EXTENSION_free(e);
	return fine;
}

static bool number(X509 *cert)
{
	BIGNUM *n = BN_new();
	bool fine = n != NULL && BN_rand(n, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
		    BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)) != NULL;
	BN_free(n);
	return fine;
}

static bool fill(X509 *cert, EVP_PKEY *key)
{
	char host[MAX_HOST + 1], names[MAX_HOST + 64];
	host_name(host);
	snprintf(names, sizeof names, "DNS:localhost,DNS:%s,IP:127.0.0.1,IP:::1", host);
	X509_NAME *subject = X509_get_subject_name(cert);
	return X509_set_version(cert, X509_VERSION_3) == 1 && number(cert) &&
	       X509_gmtime_adj(X509_getm_notBefore(cert), -SLACK_S) != NULL &&
	       X509_gmtime_adj(X509_getm_notAfter(cert), LIFE_S) != NULL && X509_set_pubkey(cert, key) == 1 &&
	       X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)host, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(cert, subject) == 1 && extend(cert, NID_basic_constraints, "critical,CA:FALSE") &&
	       extend(cert, NID_key_usage, "critical,digitalSignature") && extend(cert, NID_ext_key_usage, "serverAuth") &&
	       extend(cert, NID_subject_alt_name, names) && X509_sign(cert, key, EVP_sha256()) > 0;
}

static bool print_digest(const X509 *cert, char out[PL_FINGERPRINT_BYTES])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	if (X509_digest(cert, EVP_sha256(), digest, &n) != 1 || n * 3 != PL_FINGERPRINT_BYTES)
		return false;
	for (unsigned i = 0; i < n; i++)
		snprintf(out + i * 3, 4, i + 1 < n ? "%02X:" : "%02X", digest[i]);
	return true;
}

enum pl_err pl_self_signed_use(struct ssl_ctx_st *ctx, char fingerprint[PL_FINGERPRINT_BYTES], char *reason, size_t reason_size)
{
	ERR_clear_error();
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	bool fine = key != NULL && cert != NULL && fill(cert, key) && SSL_CTX_use_certificate(ctx, cert) == 1 &&
		    SSL_CTX_use_PrivateKey(ctx, key) == 1 && print_digest(cert, fingerprint);
	if (!fine) {
		const char *why = ERR_reason_error_string(ERR_peek_last_error());
		snprintf(reason, reason_size, "cannot make a certificate: %s", why != NULL ? why : "out of memory");
	}
	X509_free(cert);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return fine ? PL_OK : PL_EIO;
}
