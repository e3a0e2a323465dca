import ExactJSON
import FastCGI

extension FastCGIResponse {
  /// A response with a JSON value as its body.
  static func json(
    status: Int = 200, _ value: JSONValue, headers: [(name: String, value: String)] = []
  ) -> FastCGIResponse {
    json(status: status, bytes: value.bytes, headers: headers)
  }

  /// A response with JSON text as its body.
  static func json(
    status: Int = 200, bytes: [UInt8], headers: [(name: String, value: String)] = []
  ) -> FastCGIResponse {
    json(status: status, body: .bytes(bytes), headers: headers)
  }

  /// A response with JSON text as its body, in one piece or several.
  static func json(
    status: Int = 200, body: Body, headers: [(name: String, value: String)] = []
  ) -> FastCGIResponse {
    let common = [
      (name: "Content-Type", value: "application/json"), (name: "Cache-Control", value: "no-store"),
    ]
    return FastCGIResponse(status: status, headers: common + headers, body: body)
  }
}
