// OpenSSL's objects with owners, and its PEM text in and out. Internal to common/tls.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "openssl/bio.h"
#include "openssl/evp.h"
#include "openssl/x509.h"
#include "openssl/x509v3.h"

namespace pmoe::openssl {

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
template <typename T, auto kFree>
using Owned = std::unique_ptr<T, Free<kFree>>;

using Bio = Owned<BIO, BIO_free_all>;
using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using Certificate = Owned<X509, X509_free>;
using Extension = Owned<X509_EXTENSION, X509_EXTENSION_free>;

// "cannot <what>: <OpenSSL's newest reason>"; forgets the reasons.
absl::Status Failed(absl::string_view what);

// Every certificate of a PEM text, at least one. InvalidArgumentError: none, or a damaged one.
absl::StatusOr<std::vector<Certificate>> CertificatesFromPem(absl::string_view pem);
// InvalidArgumentError: no private key, or one that wants a password.
absl::StatusOr<Key> KeyFromPem(absl::string_view pem);
absl::StatusOr<std::string> ToPem(X509* certificate);
absl::StatusOr<std::string> ToPem(EVP_PKEY* key);

}  // namespace pmoe::openssl
