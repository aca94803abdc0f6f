#include "common/tls/authority.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/tls/openssl.h"
#include "openssl/ec.h"

namespace pmoe {
namespace {

using openssl::Certificate;
using openssl::Failed;
using openssl::Key;

constexpr int kSerialBits = 127;  // positive in the 16 bytes that it may have

absl::Status SetSerial(X509* certificate) {
  const openssl::Owned<BIGNUM, BN_free> number(BN_new());
  if (BN_rand(number.get(), kSerialBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) != 1 ||
      BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) == nullptr) {
    return Failed("draw a serial number");
  }
  return absl::OkStatus();
}

absl::Status SetCommonName(X509_NAME* subject, const std::string& text) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.c_str());
  if (X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, bytes, -1, -1, 0) == 1) {
    return absl::OkStatus();
  }
  return Failed("set a certificate's subject");
}

// `issuer` may be the certificate itself.
absl::Status AddExtension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const openssl::Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  if (extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1) {
    return absl::OkStatus();
  }
  return Failed(absl::StrCat("add the extension ", value));
}

// All but issuer, extensions and signature.
absl::StatusOr<Certificate> Begin(const std::string& common_name, EVP_PKEY* key,
                                  const Validity& validity) {
  Certificate certificate(X509_new());
  PMOE_RETURN_IF_ERROR(SetSerial(certificate.get()));
  PMOE_RETURN_IF_ERROR(SetCommonName(X509_get_subject_name(certificate.get()), common_name));
  if (X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      ASN1_TIME_set(X509_getm_notBefore(certificate.get()), absl::ToTimeT(validity.from)) ==
          nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(certificate.get()), absl::ToTimeT(validity.to)) == nullptr ||
      X509_set_pubkey(certificate.get(), key) != 1) {
    return Failed("fill a certificate");
  }
  return certificate;
}

absl::StatusOr<std::string> Sign(X509* certificate, EVP_PKEY* issuer_key) {
  if (X509_sign(certificate, issuer_key, EVP_sha256()) == 0) return Failed("sign a certificate");
  return openssl::ToPem(certificate);
}

// Members listen, and call each other; actors and admins only call.
const char* Usage(PeerRole role) {
  const bool listens = role == PeerRole::kLearner || role == PeerRole::kReplay;
  return listens ? "serverAuth,clientAuth" : "clientAuth";
}

}  // namespace

absl::StatusOr<std::string> MakePrivateKey() {
  const Key key(EVP_EC_gen("P-256"));
  if (key == nullptr) return Failed("make a P-256 key");
  return openssl::ToPem(key.get());
}

absl::StatusOr<std::string> MakeAuthority(const std::string& key_pem, const std::string& cluster,
                                          const Validity& validity) {
  PMOE_RETURN_IF_ERROR(CheckClusterName(cluster));
  PMOE_ASSIGN_OR_RETURN(const Key key, openssl::KeyFromPem(key_pem));
  PMOE_ASSIGN_OR_RETURN(const Certificate made,
                        Begin(absl::StrCat("pmoe authority of ", cluster), key.get(), validity));
  X509* const authority = made.get();
  if (X509_set_issuer_name(authority, X509_get_subject_name(authority)) != 1) {
    return Failed("name the issuer");
  }
  for (const auto& [kind, value] :
       {std::pair{NID_basic_constraints, std::string("critical,CA:TRUE,pathlen:0")},
        std::pair{NID_key_usage, std::string("critical,keyCertSign,cRLSign")},
        std::pair{NID_subject_key_identifier, std::string("hash")},
        std::pair{NID_subject_alt_name, "URI:" + ClusterUri(cluster)}}) {
    PMOE_RETURN_IF_ERROR(AddExtension(authority, authority, kind, value));
  }
  return Sign(authority, key.get());
}

absl::StatusOr<std::string> SignCertificate(const std::string& authority_pem,
                                            const std::string& authority_key_pem,
                                            const std::string& key_pem, const PeerName& owner,
                                            const Validity& validity) {
  PMOE_ASSIGN_OR_RETURN(const std::vector<Certificate> authorities,
                        openssl::CertificatesFromPem(authority_pem));
  PMOE_ASSIGN_OR_RETURN(const Key authority_key, openssl::KeyFromPem(authority_key_pem));
  PMOE_ASSIGN_OR_RETURN(const Key key, openssl::KeyFromPem(key_pem));
  PMOE_ASSIGN_OR_RETURN(const CertificateInfo about, ReadCertificate(authority_pem));
  X509* const authority = authorities.front().get();
  const Validity within = {validity.from, std::min(validity.to, about.validity.to)};
  PMOE_ASSIGN_OR_RETURN(
      const Certificate made,
      Begin(absl::StrCat(PeerRoleName(owner.role), " ", owner.name), key.get(), within));
  if (X509_set_issuer_name(made.get(), X509_get_subject_name(authority)) != 1) {
    return Failed("name the issuer");
  }
  for (const auto& [kind, value] :
       {std::pair{NID_basic_constraints, std::string("critical,CA:FALSE")},
        std::pair{NID_key_usage, std::string("critical,digitalSignature")},
        std::pair{NID_ext_key_usage, std::string(Usage(owner.role))},
        std::pair{NID_subject_key_identifier, std::string("hash")},
        std::pair{NID_authority_key_identifier, std::string("keyid:always")},
        std::pair{NID_subject_alt_name, "URI:" + owner.Uri()}}) {
    PMOE_RETURN_IF_ERROR(AddExtension(made.get(), authority, kind, value));
  }
  return Sign(made.get(), authority_key.get());
}

}  // namespace pmoe
