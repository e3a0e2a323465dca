// The part of OpenSSL's libcrypto that digests need.
#pragma once

#include <openssl/crypto.h>
#include <openssl/evp.h>
