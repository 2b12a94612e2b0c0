//! Keys and tokens that node:crypto made for these tests, and that nobody uses for anything else. The claims:
//! `{"iss":"https://id.example","aud":["chat","other"],"sub":"alice","exp":1795000000,"nbf":1794990000,
//! "publish":["/chat/**"],"subscribe":["/chat/*","/news"],"role":"admin"}`.

pub const SECRET_KEY: &str = r#"{"kty":"oct","kid":"hs","k":"dv849QWckjxS-vao7VrUMqQE2JZR1OkqUvayAdBAsgE"}"#;
pub const RSA_KEY: &str = r#"{"kty":"RSA","n":"yGUQSFTApfjunEB7u37_w2G8QNcrFtK6yVPT9pTBE5Mx9rKzEx3LFe5wkZrP3in6xY2Sr2qKHgmYav3iC7Ihnyjh_twoJo7rqJ7HdQ6en4VKPF7g8o2Qgwjc8hDjB6ldfQfdK_uKvEW58BVRYvabX13JJs_aq_qWtB0THnGj7hbvdDOg13kjbESZexjXMDjgmgCOqv_txJzsdeiw1Ow8mt_QUB7bffzlGThDBPbU5rpm1iGvCaj5Qj1KB-2be_XHPkM6IdMZrb7T6A74DW0ra7l3i5VYGkcUGnIa2T7-gKZ78kZLuO5plLkJ5eQkJIsD5TEf8YOXXUML4WcT0FcIGQ","e":"AQAB","kid":"rs","alg":"RS256","use":"sig"}"#;
pub const EC_KEY: &str = r#"{"kty":"EC","x":"V7UP76LqwHMMLwYhVDZLmIdrigftOglsrMbm4By7nFQ","y":"dLu8_fLZWqTlMIg0UVuy59pedte4jj_8R-vJhcy3g28","crv":"P-256","kid":"es"}"#;
pub const ED_KEY: &str =
    r#"{"crv":"Ed25519","x":"zkyCNZXZNXnK_UEh2x4D8sf2DrccSub_KOnT5h7rIOo","kty":"OKP","kid":"ed","alg":"EdDSA"}"#;
pub const SHORT_RSA_KEY: &str = r#"{"kty":"RSA","n":"r0szAnXQr977YJACqDZMMwa-4dK3L5ZZ3-4o-nB7wWmlgd807UTzu7NsJszoGTE8lpskakOCPDFryNfkNS3v-7bi7_9jRf_8fnCKaNBuQr8XD4kDrjj_Hb0u2pwAIikjATBO6ZOER0nXd1ZdpIjc5YSDzTHyYJGnI_QwrETyyqs","e":"AQAB"}"#;
pub const P384_KEY: &str = r#"{"kty":"EC","x":"-0JXY7HWDb78UayNfd3rxnCm6BqMEHyr7HbzalRq69r3tPQro_9HyCP9GSa0-lvQ","y":"k18-vfngTWjK_HJba83uAMHyAlhNyM-EL4CDHg1nYVW4saRCRrqB-BYrr2ebvVMi","crv":"P-384"}"#;
/// [`RSA_KEY`] as PEM: a public key, known to everybody.
pub const RSA_PEM: &str = r#"-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAyGUQSFTApfjunEB7u37/
w2G8QNcrFtK6yVPT9pTBE5Mx9rKzEx3LFe5wkZrP3in6xY2Sr2qKHgmYav3iC7Ih
nyjh/twoJo7rqJ7HdQ6en4VKPF7g8o2Qgwjc8hDjB6ldfQfdK/uKvEW58BVRYvab
X13JJs/aq/qWtB0THnGj7hbvdDOg13kjbESZexjXMDjgmgCOqv/txJzsdeiw1Ow8
mt/QUB7bffzlGThDBPbU5rpm1iGvCaj5Qj1KB+2be/XHPkM6IdMZrb7T6A74DW0r
a7l3i5VYGkcUGnIa2T7+gKZ78kZLuO5plLkJ5eQkJIsD5TEf8YOXXUML4WcT0FcI
GQIDAQAB
-----END PUBLIC KEY-----
"#;
pub const HS256: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImhzIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOlsiY2hhdCIsIm90aGVyIl0sInN1YiI6ImFsaWNlIiwiZXhwIjoxNzk1MDAwMDAwLCJuYmYiOjE3OTQ5OTAwMDAsInB1Ymxpc2giOlsiL2NoYXQvKioiXSwic3Vic2NyaWJlIjpbIi9jaGF0LyoiLCIvbmV3cyJdLCJyb2xlIjoiYWRtaW4ifQ.KcqdNYg1JaiNLAqcos5x7oC_3PhQ-Txdr67EdTpoAYU";
pub const RS256: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOlsiY2hhdCIsIm90aGVyIl0sInN1YiI6ImFsaWNlIiwiZXhwIjoxNzk1MDAwMDAwLCJuYmYiOjE3OTQ5OTAwMDAsInB1Ymxpc2giOlsiL2NoYXQvKioiXSwic3Vic2NyaWJlIjpbIi9jaGF0LyoiLCIvbmV3cyJdLCJyb2xlIjoiYWRtaW4ifQ.tatfF8kTe56GbxWXYY0RmHJFMylLWyHa-676W5bmTiZlzb4CeKiQ8N3OhTCwc_tzJN9OnQ_pnUuaJfqin6tLAOYN-DAiuMXEOl1EGgEnrrH3iguKyJGSx4RgkooijjwG2YMFHQ22zlqdIgjjfghCEuIDHWpyvs1dkxlpiuIg1lmTp9hC-PZ9oKfJ-xpyKLnqunwSjZpX8E_mVO1T2vUd7VL6zwSGEtivrcA-9yP44i8EUd54asfSwMY-D15maqN6pwCeI7OGOyrAF2yfUsrC60Wr2jH36lTFhEudOqUpl8gLvITsdHsAorRL7C4T7JXbztfZ3gX8aYb6QSg1zPPHIw";
pub const ES256: &str = "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImVzIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOlsiY2hhdCIsIm90aGVyIl0sInN1YiI6ImFsaWNlIiwiZXhwIjoxNzk1MDAwMDAwLCJuYmYiOjE3OTQ5OTAwMDAsInB1Ymxpc2giOlsiL2NoYXQvKioiXSwic3Vic2NyaWJlIjpbIi9jaGF0LyoiLCIvbmV3cyJdLCJyb2xlIjoiYWRtaW4ifQ.u-wfssv3pYM0mjsTnDAfBFlqWoJpMY-dMFvRe3jwc0m727dJtQccE4zBeKXdYZZI0OGXWZq38VwGIIfXVSNB7Q";
pub const EDDSA: &str = "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIsImtpZCI6ImVkIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOlsiY2hhdCIsIm90aGVyIl0sInN1YiI6ImFsaWNlIiwiZXhwIjoxNzk1MDAwMDAwLCJuYmYiOjE3OTQ5OTAwMDAsInB1Ymxpc2giOlsiL2NoYXQvKioiXSwic3Vic2NyaWJlIjpbIi9jaGF0LyoiLCIvbmV3cyJdLCJyb2xlIjoiYWRtaW4ifQ.tG6s587jjFDtgyNxxyFTZ4aAtKQzHjv3wGTQmTyAPCoNNeE3U1ziGOjkT0pGS8-R9qjqff4TXQsSfxK9_ZaqDQ";
/// Signed correctly, but the signature has the DER form of OpenSSL.
pub const ES256_IN_DER: &str = "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImVzIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOlsiY2hhdCIsIm90aGVyIl0sInN1YiI6ImFsaWNlIiwiZXhwIjoxNzk1MDAwMDAwLCJuYmYiOjE3OTQ5OTAwMDAsInB1Ymxpc2giOlsiL2NoYXQvKioiXSwic3Vic2NyaWJlIjpbIi9jaGF0LyoiLCIvbmV3cyJdLCJyb2xlIjoiYWRtaW4ifQ.MEQCIB2VjyEoTPVCWkfa0lpLKpHkbnaxd18FAMgFnffgQxp4AiA02fCfgl1AzDE2WpY1WySWrOUdGbQFcZAqJ7ew6IepSQ";
/// Signed with the RSA key, but with PSS.
pub const PS256_AS_RS256: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InJzIn0.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUiLCJhdWQiOlsiY2hhdCIsIm90aGVyIl0sInN1YiI6ImFsaWNlIiwiZXhwIjoxNzk1MDAwMDAwLCJuYmYiOjE3OTQ5OTAwMDAsInB1Ymxpc2giOlsiL2NoYXQvKioiXSwic3Vic2NyaWJlIjpbIi9jaGF0LyoiLCIvbmV3cyJdLCJyb2xlIjoiYWRtaW4ifQ.VGG0WdN4BJqoHtMOgl4t1FMITSZShGDUBhyBu9XewZhkV6jrZsIbF2zXOnGGwpPlaUfmgk0epJsLdcMEtc3FtzRxpA0KjhWyQPvZT5wk1aonON8WJ-vVxrYajXfYN1XpUkfpNA7EDuNb8PC58CcHS_YVFye7yaYkDxyxU9kNUUgJUJIm4_86_SvtDC1F_k7y1wI_egClVduVIJmFaDev3PFSHcuTmh54iDs-eoQBkq9NMjs-tOAbmKt6TilahYABmpKFuQIh49ZZCoHtSYzA2qs2SUpD0jDcOCU0VsBbtIBNYHbrRKUBCALNQPI7XXMRrYc8F2s1_PFak5kD7KLHqw";
