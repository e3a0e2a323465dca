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
    var all: [(name: String, value: String)] = []
    all.reserveCapacity(headers.count + 3)
    all.append((name: "Content-Type", value: "application/json"))
    all.append((name: "Cache-Control", value: "no-store"))
    all += headers
    return FastCGIResponse(status: status, headers: all, body: body)
  }
}
