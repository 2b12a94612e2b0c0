//! Reads requests, with few calls into JavaScript.

use wasm_bindgen::prelude::*;
use worker::js_sys::{Promise, Reflect, Uint8Array};
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::{ReadableStream, ReadableStreamDefaultReader, Request};

use crate::bayeux::{RequestError, text_of};

/// The headers that are read with method and URL, in one call: each call into the platform costs.
const READ_AT_ONCE: [&str; 5] = ["content-type", "content-length", "content-encoding", "origin", "cf-connecting-ip"];

// A line each: method, URL, and the headers there are, each behind its place in the list. The request keeps the head:
// an object reads it again when the body has come.
#[wasm_bindgen(inline_js = r#"
const READ_AT_ONCE = ['content-type', 'content-length', 'content-encoding', 'origin', 'cf-connecting-ip'];

function headOf({ method, url, headers }) {
  let head = `${method}\n${url}`;
  for (let place = 0; place < READ_AT_ONCE.length; place += 1) {
    const value = headers.get(READ_AT_ONCE[place]);
    if (value !== null) head += `\n${place}${value}`;
  }
  return head;
}

export const readHead = (request) => (request.head ??= headOf(request));
"#)]
extern "C" {
    #[wasm_bindgen(js_name = readHead)]
    fn read_head(request: &Request) -> String;
}

/// A request whose method, URL and usual headers were read.
#[derive(Clone, Debug)]
pub struct ClientRequest {
    raw: Request,
    method: String,
    url: String,
    usual: [Option<String>; READ_AT_ONCE.len()],
}

impl ClientRequest {
    pub fn read(raw: Request) -> Self {
        let head = read_head(&raw);
        let mut lines = head.split('\n');
        let mut line = || lines.next().unwrap_or_default().to_owned();
        let (method, url) = (line(), line());
        let mut usual = [const { None }; READ_AT_ONCE.len()];
        for line in lines {
            let place = line.bytes().next().map_or(usize::MAX, |digit| usize::from(digit.wrapping_sub(b'0')));
            if let Some(value) = usual.get_mut(place) {
                *value = Some(line[1..].to_owned());
            }
        }
        Self { raw, method, url, usual }
    }

    /// The platform's request.
    pub fn raw(&self) -> &Request {
        &self.raw
    }

    pub fn method(&self) -> &str {
        &self.method
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// The path of its URL.
    pub fn path(&self) -> &str {
        path(&self.url)
    }

    /// The query of its URL, without its question mark.
    pub fn query(&self) -> &str {
        query(&self.url)
    }
}

/// A header's value, if present.
pub fn header(request: &ClientRequest, name: &str) -> Option<String> {
    match READ_AT_ONCE.iter().position(|usual| usual.eq_ignore_ascii_case(name)) {
        Some(place) => request.usual[place].clone(),
        None => request.raw.headers().get(name).ok().flatten(),
    }
}

/// The path of a URL.
pub fn path(url: &str) -> &str {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let authority_and_path = &url[after_scheme..];
    let path = authority_and_path.find('/').map_or("/", |at| &authority_and_path[at..]);
    path.split(['?', '#']).next().unwrap_or(path)
}

/// The query of a URL, without its question mark.
fn query(url: &str) -> &str {
    let url = url.split('#').next().unwrap_or(url);
    url.split_once('?').map_or("", |(_, query)| query)
}

/// The first value of this name in a `Cookie` header (RFC 6265 section 5.4: the one with the longest path).
pub fn cookie<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let mut cookies = header.split(';').filter_map(|cookie| cookie.trim().split_once('='));
    cookies.find(|(of, _)| *of == name).map(|(_, value)| value)
}

/// Whether this may be the name of a cookie or a header (RFC 9110 section 5.6.2).
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Whether this is a WebSocket upgrade (RFC 6455 section 4.2.1).
pub fn is_upgrade(request: &ClientRequest) -> bool {
    request.method() == "GET"
        && header(request, "Upgrade").is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"))
}

/// The request's body as text, at most `limit` bytes, after gzip and deflate are undone.
///
/// # Errors
/// [`RequestError::TooLarge`], [`RequestError::JsonInvalid`] where the body breaks off, and what [`text_of`] refuses.
pub async fn body(request: &ClientRequest, limit: usize) -> Result<String, RequestError> {
    match encoding(request).as_deref() {
        None => text_of(bytes(request, limit).await?),
        Some(format @ ("gzip" | "deflate")) => text_of(bounded(decompressed(request, format), limit).await?),
        Some(_) => Err(RequestError::EncodingUnsupported),
    }
}

/// The request's body, as sent.
///
/// # Errors
/// As [`body`].
pub async fn bytes(request: &ClientRequest, limit: usize) -> Result<Vec<u8>, RequestError> {
    match length(request) {
        Some(length) if length > limit as u64 => Err(RequestError::TooLarge),
        _ => bounded(request.raw.body(), limit).await,
    }
}

/// The body's content encoding, if any (RFC 9110, section 8.4).
pub fn encoding(request: &ClientRequest) -> Option<String> {
    let encoding = header(request, "Content-Encoding")?.trim().to_ascii_lowercase();
    match encoding.as_str() {
        "" | "identity" => None,
        "x-gzip" => Some("gzip".to_owned()),
        _ => Some(encoding),
    }
}

#[wasm_bindgen]
extern "C" {
    /// The platform's (Compression Streams standard).
    type DecompressionStream;

    #[wasm_bindgen(constructor, catch)]
    fn new(format: &str) -> Result<DecompressionStream, JsValue>;

    type Compressed;

    #[wasm_bindgen(method, catch, js_name = pipeThrough)]
    fn pipe_through(this: &Compressed, transform: &DecompressionStream) -> Result<ReadableStream, JsValue>;
}

fn decompressed(request: &ClientRequest, format: &str) -> Option<ReadableStream> {
    let compressed: Compressed = request.raw.body()?.unchecked_into();
    compressed.pipe_through(&DecompressionStream::new(format).ok()?).ok()
}

/// The request's `Content-Length`. A u64, because 4 GiB and more are lengths too.
pub fn length(request: &ClientRequest) -> Option<u64> {
    header(request, "Content-Length")?.parse().ok()
}

/// The request's whole body; none where it breaks off.
pub async fn whole_body(request: &ClientRequest) -> Option<String> {
    JsFuture::from(request.raw.text().ok()?).await.ok()?.as_string()
}

/// Reads a body without a `Content-Length` piece by piece: the sender must not decide how much memory it takes.
///
/// # Errors
/// [`RequestError::TooLarge`]; [`RequestError::JsonInvalid`] where it breaks off.
pub async fn bounded(body: Option<ReadableStream>, limit: usize) -> Result<Vec<u8>, RequestError> {
    let Some(stream) = body else { return Ok(Vec::new()) };
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    let mut bytes = Vec::new();
    loop {
        let chunk = JsFuture::from(reader.read()).await.map_err(|_| RequestError::JsonInvalid)?;
        let value = Reflect::get(&chunk, &"value".into()).unwrap_or_default();
        if value.is_undefined() {
            return Ok(bytes);
        }
        let piece: Uint8Array = value.unchecked_into();
        if bytes.len() + piece.length() as usize > limit {
            // The response goes out at once, whether or not the sender finishes its upload.
            let _: Promise = reader.cancel();
            return Err(RequestError::TooLarge);
        }
        bytes.extend(piece.to_vec());
    }
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;
    use worker::web_sys::{Headers, RequestInit};

    use super::*;

    fn request(body: &str, headers: &[(&str, &str)]) -> ClientRequest {
        let list = Headers::new().unwrap();
        for (name, value) in headers {
            list.set(name, value).unwrap();
        }
        let init = RequestInit::new();
        init.set_method("POST");
        init.set_body(&body.into());
        init.set_headers(&list);
        sent(&init)
    }

    fn sent(init: &RequestInit) -> ClientRequest {
        ClientRequest::read(Request::new_with_str_and_init("https://edge.example/cometd", init).unwrap())
    }

    #[wasm_bindgen_test]
    fn what_is_read_at_once_is_what_the_platform_has() {
        let usual = READ_AT_ONCE.map(|name| (name, "1"));
        let request = request("[]", &usual);
        assert_eq!(request.usual, [const { Some('1') }; READ_AT_ONCE.len()].map(|value| value.map(String::from)));
        assert_eq!((request.method(), request.url()), ("POST", "https://edge.example/cometd"));
        let other = self::request("[]", &[("Origin", "https://a.example"), ("X-Other", "0")]);
        assert_eq!(header(&other, "ORIGIN").as_deref(), Some("https://a.example"));
        assert_eq!(header(&other, "x-other").as_deref(), Some("0"));
        assert_eq!(header(&other, "CF-Connecting-IP"), None);
    }

    #[wasm_bindgen_test]
    fn the_path_of_a_url_ends_before_the_query() {
        for (url, expected) in [
            ("https://edge.example/cometd", "/cometd"),
            ("http://127.0.0.1:8787/cometd/chat?x=/y#z", "/cometd/chat"),
            ("https://edge.example/?x", "/"),
            ("https://edge.example", "/"),
        ] {
            assert_eq!(path(url), expected);
        }
    }

    #[wasm_bindgen_test]
    fn the_query_of_a_url_is_what_stands_between_the_question_mark_and_the_fragment() {
        for (url, expected) in [("https://e/cometd?a=?b#c?d", "a=?b"), ("https://e/cometd#?x", ""), ("https://e", "")] {
            assert_eq!(query(url), expected);
        }
    }

    #[wasm_bindgen_test]
    async fn a_body_is_read_up_to_the_limit_whether_it_tells_its_length_or_not() {
        let json = "[\"é\"]"; // 6 bytes, 5 characters
        for told in [&[][..], &[("Content-Length", "6")]] {
            assert_eq!(body(&request(json, told), 6).await.as_deref(), Ok(json));
            assert_eq!(body(&request(json, told), 5).await, Err(RequestError::TooLarge));
        }
        let absurd = request(json, &[("Content-Length", "nonsense")]);
        assert_eq!(body(&absurd, 5).await, Err(RequestError::TooLarge));
    }

    #[wasm_bindgen_test]
    async fn what_is_no_utf8_is_refused_and_not_repaired() {
        let bytes = Uint8Array::from(&b"[\"\xc3\"]"[..]);
        let init = RequestInit::new();
        init.set_method("POST");
        init.set_body(&bytes);
        let request = sent(&init);
        assert_eq!(body(&request, 100).await, Err(RequestError::Utf8Invalid));
    }

    /// `["aaa…"]` with 10,000 letters, gzipped.
    async fn zipped() -> Uint8Array {
        let text = format!("[\"{}\"]", "a".repeat(10_000));
        let zip = worker::js_sys::Function::new_with_args(
            "text",
            "return new Response(new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'))).bytes()",
        );
        let bytes: Promise = zip.call1(&JsValue::UNDEFINED, &text.into()).unwrap().unchecked_into();
        JsFuture::from(bytes).await.unwrap().unchecked_into()
    }

    async fn encoded(encoding: &str, bytes: &Uint8Array, limit: usize) -> Result<usize, RequestError> {
        let list = Headers::new().unwrap();
        list.set("Content-Encoding", encoding).unwrap();
        let init = RequestInit::new();
        init.set_method("POST");
        init.set_body(bytes);
        init.set_headers(&list);
        let request = sent(&init);
        body(&request, limit).await.map(|text| text.len())
    }

    #[wasm_bindgen_test]
    async fn gzip_is_undone_within_the_limit_and_other_encodings_are_refused() {
        let zipped = zipped().await;
        assert!(zipped.length() < 200);
        assert_eq!(encoded("gzip", &zipped, 10_004).await, Ok(10_004));
        assert_eq!(encoded("X-GZip", &zipped, 10_003).await, Err(RequestError::TooLarge), "it bursts nothing");
        assert_eq!(encoded("br", &zipped, 100_000).await, Err(RequestError::EncodingUnsupported));
        assert_eq!(encoded("gzip, gzip", &zipped, 100_000).await, Err(RequestError::EncodingUnsupported));
        assert_eq!(encoded("gzip", &Uint8Array::from(&b"[]"[..]), 100).await, Err(RequestError::JsonInvalid));
        assert_eq!(encoded("identity", &Uint8Array::from(&b"[]"[..]), 100).await, Ok(2));
    }
}
