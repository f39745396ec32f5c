/* COpenSSL: OpenSSL 3 as Swift sees it.
 *
 * Here: wrappers for function-like macros and SSL_OP_* bits, which Swift cannot import, and the
 * callbacks that run inside OpenSSL for every record or ticket (the wire BIO, ALPN, ticket keys).
 * No decisions and no state beyond the structs that the TLS target owns. */
#ifndef COPENSSL_SHIM_H
#define COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ocsp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The wire: where OpenSSL reads ciphertext from and writes records to.
 *
 * One wire and one BIO serve all connections of a loop; a session points the wire at its bytes
 * before it calls OpenSSL. Records go to `out`, which belongs to the caller; what does not fit
 * goes to `spill`, which belongs to the wire, and from then on everything does, so the order of
 * the bytes is `out` then `spill`. */
typedef struct {
    const uint8_t *in;
    size_t in_left;
    uint8_t *out;
    size_t out_count, out_capacity;
    uint8_t *spill;
    size_t spill_count, spill_capacity;
} copenssl_wire;

static inline int copenssl_wire_read(BIO *bio, char *data, size_t length, size_t *count) {
    copenssl_wire *wire = (copenssl_wire *)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (wire->in_left == 0) {
        *count = 0;
        BIO_set_retry_read(bio);
        return 0;
    }
    if (length > wire->in_left) length = wire->in_left;
    memcpy(data, wire->in, length);
    wire->in += length;
    wire->in_left -= length;
    *count = length;
    return 1;
}

static inline int copenssl_wire_write(BIO *bio, const char *data, size_t length, size_t *count) {
    copenssl_wire *wire = (copenssl_wire *)BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *count = 0;
    if (wire->spill_count == 0 && length <= wire->out_capacity - wire->out_count) {
        memcpy(wire->out + wire->out_count, data, length);
        wire->out_count += length;
        *count = length;
        return 1;
    }
    if (length > wire->spill_capacity - wire->spill_count) {
        size_t wanted = wire->spill_capacity * 2 + length;
        uint8_t *grown = (uint8_t *)realloc(wire->spill, wanted);
        if (grown == NULL) return 0;
        wire->spill = grown;
        wire->spill_capacity = wanted;
    }
    memcpy(wire->spill + wire->spill_count, data, length);
    wire->spill_count += length;
    *count = length;
    return 1;
}

static inline long copenssl_wire_ctrl(BIO *bio, int command, long number, void *pointer) {
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

/* The method of all wire BIOs. Call once per process: BIO type numbers are few. */
static inline BIO_METHOD *copenssl_wire_method(void) {
    int index = BIO_get_new_index();
    if (index == -1) return NULL;
    BIO_METHOD *method = BIO_meth_new(index | BIO_TYPE_SOURCE_SINK, "signalbox wire");
    if (method == NULL) return NULL;
    BIO_meth_set_read_ex(method, copenssl_wire_read);
    BIO_meth_set_write_ex(method, copenssl_wire_write);
    BIO_meth_set_ctrl(method, copenssl_wire_ctrl);
    return method;
}

/* What the callbacks of a server context need; one per context, set as its application data. */
typedef struct {
    uint8_t name[16], mac_key[32], cipher_key[32];
} copenssl_ticket_key;

typedef struct {
    copenssl_ticket_key keys[2]; /* current, previous */
    int key_count;
    EVP_CIPHER *cipher;
    uint8_t *protocols; /* ALPN, in wire format (RFC 7301 section 3.1) */
    unsigned int protocols_length;
} copenssl_server;

/* Seals and opens tickets (RFC 5077 section 4): AES-256-CBC, then HMAC-SHA-256. */
static inline int copenssl_ticket_callback(SSL *ssl, unsigned char *name, unsigned char *iv,
                                           EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seal) {
    copenssl_server *server = (copenssl_server *)SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    if (server == NULL || server->key_count == 0) return 0;
    int index = 0;
    if (seal) {
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(server->cipher)) != 1) return -1;
        memcpy(name, server->keys[0].name, sizeof server->keys[0].name);
    } else {
        while (memcmp(name, server->keys[index].name, sizeof server->keys[index].name) != 0) {
            if (++index == server->key_count) return 0;
        }
    }
    copenssl_ticket_key *key = &server->keys[index];
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac_key, sizeof key->mac_key),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    if (EVP_CipherInit_ex2(cipher, server->cipher, key->cipher_key, iv, seal, NULL) != 1 ||
        EVP_MAC_CTX_set_params(mac, parameters) != 1) {
        return -1;
    }
    /* 2 asks for a fresh ticket: TLS 1.3 clients use one only once (RFC 8446 appendix C.4), and
     * one under the previous key would soon open no more. */
    return !seal && (index > 0 || SSL_version(ssl) >= TLS1_3_VERSION) ? 2 : 1;
}

/* Picks our first protocol that the client offers too, or ends the handshake (RFC 7301). */
static inline int copenssl_alpn_callback(SSL *ssl, const unsigned char **chosen,
                                         unsigned char *chosen_length, const unsigned char *offer,
                                         unsigned int offer_length, void *argument) {
    copenssl_server *server = (copenssl_server *)argument;
    (void)ssl;
    int found = SSL_select_next_proto((unsigned char **)chosen, chosen_length, server->protocols,
                                      server->protocols_length, offer, offer_length);
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static inline void copenssl_ctx_set_server(SSL_CTX *ctx, copenssl_server *server) {
    SSL_CTX_set_app_data(ctx, server);
    if (server->protocols_length > 0)
        SSL_CTX_set_alpn_select_cb(ctx, copenssl_alpn_callback, server);
    if (server->key_count > 0)
        SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, copenssl_ticket_callback);
}

static inline void copenssl_ctx_set_servername_callback(SSL_CTX *ctx,
                                                        int (*callback)(SSL *, int *, void *),
                                                        void *argument) {
    SSL_CTX_set_tlsext_servername_callback(ctx, callback);
    SSL_CTX_set_tlsext_servername_arg(ctx, argument);
}

static inline void copenssl_ctx_set_status_callback(SSL_CTX *ctx, int (*callback)(SSL *, void *),
                                                    void *argument) {
    SSL_CTX_set_tlsext_status_cb(ctx, callback);
    SSL_CTX_set_tlsext_status_arg(ctx, argument);
}

/* Hands `ssl` its own copy of an OCSP response to send; NULL takes it away. */
static inline int copenssl_set_ocsp_response(SSL *ssl, const uint8_t *bytes, size_t length) {
    uint8_t *copy = NULL;
    if (length > 0 && (copy = (uint8_t *)OPENSSL_malloc(length)) == NULL) return 0;
    if (copy != NULL) memcpy(copy, bytes, length);
    return (int)SSL_set_tlsext_status_ocsp_resp(ssl, copy, length);
}

/* Options of every context: safe ones, set once, in one place. */
static inline void copenssl_ctx_set_options(SSL_CTX *ctx, int tickets) {
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                 (tickets ? 0 : SSL_OP_NO_TICKET));
}

static inline int copenssl_ctx_set_min_version(SSL_CTX *ctx, int version) {
    return (int)SSL_CTX_set_min_proto_version(ctx, version);
}
static inline int copenssl_ctx_set_max_version(SSL_CTX *ctx, int version) {
    return (int)SSL_CTX_set_max_proto_version(ctx, version);
}
static inline void copenssl_ctx_set_mode(SSL_CTX *ctx, long mode) { SSL_CTX_set_mode(ctx, mode); }
static inline void copenssl_ctx_set_cache_mode(SSL_CTX *ctx, long mode) {
    SSL_CTX_set_session_cache_mode(ctx, mode);
}
static inline int copenssl_ctx_set_groups(SSL_CTX *ctx, const char *list) {
    return (int)SSL_CTX_set1_groups_list(ctx, list);
}
static inline int copenssl_set_server_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

/* Subject alternative names (RFC 5280 section 4.2.1.6). */
static inline GENERAL_NAMES *copenssl_alternative_names(X509 *certificate) {
    return (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
}
static inline int copenssl_alternative_name_count(const GENERAL_NAMES *names) {
    return names == NULL ? 0 : sk_GENERAL_NAME_num(names);
}
/* The bytes of name `index`; its kind is GEN_DNS (text), GEN_IPADD (4 or 16 bytes) or other. */
static inline const uint8_t *copenssl_alternative_name(const GENERAL_NAMES *names, int index,
                                                       int *kind, int *length) {
    void *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, index), kind);
    if (value == NULL || (*kind != GEN_DNS && *kind != GEN_IPADD)) {
        *length = 0;
        return NULL;
    }
    *length = ASN1_STRING_length((ASN1_STRING *)value);
    return ASN1_STRING_get0_data((ASN1_STRING *)value);
}

/* Writes the subject in RFC 2253 form; UTF-8 stays readable, control bytes are escaped. */
static inline int copenssl_print_subject(BIO *text, X509 *certificate) {
    return X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0,
                              XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
}

/* Chains of certificates. */
static inline STACK_OF(X509) *copenssl_chain_new(void) { return sk_X509_new_null(); }
static inline int copenssl_chain_append(STACK_OF(X509) *chain, X509 *certificate) {
    return sk_X509_push(chain, certificate);
}
static inline void copenssl_chain_free(STACK_OF(X509) *chain) {
    sk_X509_pop_free(chain, X509_free);
}

/* A password callback that has none, and notes in `argument` (an int) that it was asked. */
static inline int copenssl_no_password(char *buffer, int size, int writing, void *argument) {
    (void)buffer, (void)size, (void)writing;
    if (argument != NULL) *(int *)argument = 1;
    return -1;
}

static inline long copenssl_bio_memory(BIO *bio, char **bytes) {
    return BIO_get_mem_data(bio, bytes);
}
static inline int copenssl_error_library(unsigned long error) { return ERR_GET_LIB(error); }
static inline int copenssl_error_reason(unsigned long error) { return ERR_GET_REASON(error); }

#endif
