#include "common/tls/certificate.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/tls/openssl.h"
#include "openssl/x509_vfy.h"

namespace pmoe {
namespace {

using openssl::Certificate;
using openssl::Key;

constexpr absl::Duration kClockSkew = absl::Hours(1);

// Both times of a certificate are UTC to the second.
absl::Time FromAsn1(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return absl::InfinitePast();
  return absl::FromTM(parts, absl::UTCTimeZone());
}

std::string OnlyUri(const X509* certificate) {
  const openssl::Owned<GENERAL_NAMES, GENERAL_NAMES_free> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::string uri;
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    if (!uri.empty()) return "";
    const ASN1_IA5STRING* text = name->d.uniformResourceIdentifier;
    uri.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
               static_cast<size_t>(ASN1_STRING_length(text)));
  }
  return uri;
}

std::string CommonName(const X509_NAME* name) {
  const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (at < 0) return "";
  const ASN1_STRING* text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<size_t>(ASN1_STRING_length(text))};
}

}  // namespace

Validity ValidityFrom(absl::Time now, int days) {
  return {now - kClockSkew, now + absl::Hours(24 * days)};
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M UTC", time, absl::UTCTimeZone());
}

absl::StatusOr<CertificateInfo> ReadCertificate(const std::string& pem) {
  PMOE_ASSIGN_OR_RETURN(const std::vector<Certificate> all, openssl::CertificatesFromPem(pem));
  const X509* const certificate = all.front().get();
  CertificateInfo info;
  info.uri = OnlyUri(certificate);
  info.issuer = CommonName(X509_get_issuer_name(certificate));
  info.validity = {FromAsn1(X509_get0_notBefore(certificate)),
                   FromAsn1(X509_get0_notAfter(certificate))};
  return info;
}

absl::Status CheckPrivateKey(const std::string& key) { return openssl::KeyFromPem(key).status(); }

absl::Status CheckKeyBelongs(const std::string& pem, const std::string& key_pem) {
  PMOE_ASSIGN_OR_RETURN(const std::vector<Certificate> all, openssl::CertificatesFromPem(pem));
  PMOE_ASSIGN_OR_RETURN(const Key key, openssl::KeyFromPem(key_pem));
  if (EVP_PKEY_eq(X509_get0_pubkey(all.front().get()), key.get()) == 1) return absl::OkStatus();
  return absl::FailedPreconditionError("is the key of another certificate");
}

absl::Status CheckSignedBy(const std::string& pem, const std::string& authorities_pem) {
  PMOE_ASSIGN_OR_RETURN(const std::vector<Certificate> all, openssl::CertificatesFromPem(pem));
  PMOE_ASSIGN_OR_RETURN(const std::vector<Certificate> authorities,
                        openssl::CertificatesFromPem(authorities_pem));
  const openssl::Owned<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  for (const Certificate& authority : authorities) {
    X509_STORE_add_cert(store.get(), authority.get());
  }
  const openssl::Owned<X509_STORE_CTX, X509_STORE_CTX_free> check(X509_STORE_CTX_new());
  if (X509_STORE_CTX_init(check.get(), store.get(), all.front().get(), nullptr) != 1 ||
      X509_STORE_CTX_set_default(check.get(), "ssl_client") != 1) {
    return openssl::Failed("verify a certificate");
  }
  X509_STORE_CTX_set_flags(check.get(), X509_V_FLAG_NO_CHECK_TIME);
  if (X509_verify_cert(check.get()) == 1) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("was not issued by this authority (",
                   X509_verify_cert_error_string(X509_STORE_CTX_get_error(check.get())), ")"));
}

absl::Status CheckValidNow(const CertificateInfo& info, absl::Time now) {
  if (now > info.validity.to) {
    return absl::FailedPreconditionError(
        absl::StrCat("expired on ", TimeText(info.validity.to), ", it is ", TimeText(now),
                     "; renew it with `pmoe certs init --out` where it was made"));
  }
  if (now >= info.validity.from) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("is not valid before ", TimeText(info.validity.from),
                   " and this machine's clock says ", TimeText(now), "; is the clock right?"));
}

}  // namespace pmoe
