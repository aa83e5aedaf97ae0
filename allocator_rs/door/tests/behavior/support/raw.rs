//! A client that sends what no gRPC library would.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tonic::Status;

/// Head and end of an answer.
pub struct Answer {
    pub headers: HeaderMap,
    pub data: Bytes,
    pub trailers: HeaderMap,
}

impl Answer {
    /// The status, from trailers or from trailers-only headers.
    pub fn status(&self) -> Status {
        Status::from_header_map(&self.trailers)
            .or_else(|| Status::from_header_map(&self.headers))
            .expect("every answer has a status")
    }
}

/// A client that bears late frames of calls that it cancelled.
fn client() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .max_local_error_reset_streams(None)
        .initial_stream_window_size(32 * 1024);
    builder
}

pub async fn connect(port: u16) -> SendRequest<Full<Bytes>> {
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", port))
        .await
        .unwrap();
    let (sender, connection) = client().handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

pub fn request(path: &str, headers: &[(&str, &str)], body: Bytes) -> Request<Full<Bytes>> {
    let mut builder = Request::post(format!("http://localhost{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(Full::new(body)).unwrap()
}

/// Sends, and reads to the end.
pub async fn call(port: u16, path: &str, headers: &[(&str, &str)], body: Bytes) -> Answer {
    let mut sender = connect(port).await;
    let response = sender
        .send_request(request(path, headers, body))
        .await
        .unwrap();
    read(response).await
}

pub async fn read(response: http::Response<Incoming>) -> Answer {
    let (parts, body) = response.into_parts();
    let collected = body
        .collect()
        .await
        .expect("an answer ends with trailers, never a reset");
    let trailers = collected.trailers().cloned().unwrap_or_default();
    Answer {
        headers: parts.headers,
        data: collected.to_bytes(),
        trailers,
    }
}

/// A message with its prefix.
pub fn framed(message: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    out.extend_from_slice(&[0]);
    out.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    out.extend_from_slice(message);
    out.freeze()
}

/// Sends bytes and leaves the call open; resolves if it is answered all the same.
pub async fn half_sent(port: u16, path: &str, bytes: Bytes) -> Answer {
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", port))
        .await
        .unwrap();
    let (mut sender, connection) = client().handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (send, receive) = tokio::sync::mpsc::channel(1);
    let frame: Result<_, std::convert::Infallible> = Ok(http_body::Frame::data(bytes));
    send.send(frame).await.unwrap();
    let body = tokio_stream::wrappers::ReceiverStream::new(receive);
    let request = request(path, &[], Bytes::new()).map(|_| http_body_util::StreamBody::new(body));
    let answer = read(sender.send_request(request).await.unwrap()).await;
    drop(send);
    answer
}
