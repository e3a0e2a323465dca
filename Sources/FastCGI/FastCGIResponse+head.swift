import LinuxSupport

extension FastCGIResponse {
  /// The header lines in CGI format (RFC 3875, section 6.3).
  /// - Parameter contentLength: bytes of the body; nil for a stream. Not sent with 204 and 304.
  func head(contentLength: Int?) -> [UInt8] {
    precondition((200...599).contains(status), "a status is 200 to 599")
    var head: [UInt8] = []
    head.reserveCapacity(256)
    // Before the status: HAProxy answers 302 if `Location` comes after it.
    for (name, value) in headers where Self.isLocation(name) { Self.append(name, value, to: &head) }
    head.append(text: "Status: ")
    head.append(decimal: status)
    head.append(text: Self.reason(status))
    head.append(text: "\r\n")
    for (name, value) in headers where !Self.isLocation(name) { Self.append(name, value, to: &head) }
    if let contentLength, status != 204, status != 304 {
      head.append(text: "Content-Length: ")
      head.append(decimal: contentLength)
      head.append(text: "\r\n")
    }
    head.append(text: "\r\n")
    return head
  }

  private static func isLocation(_ name: String) -> Bool {
    name.utf8.count == "location".utf8.count && name.lowercased() == "location"
  }

  private static func append(_ name: String, _ value: String, to head: inout [UInt8]) {
    precondition(HTTPToken.isValid(name), "a header's name is a token")
    precondition(isValid(value), "no CR, LF or NUL in a header's value")
    head.append(text: name)
    head.append(text: ": ")
    head.append(text: value)
    head.append(text: "\r\n")
  }

  private static func isValid(_ value: String) -> Bool {
    value.utf8.span.withUnsafeBufferPointer { $0.allSatisfy { $0 != 13 && $0 != 10 && $0 != 0 } }
  }

  private static func reason(_ status: Int) -> String {
    switch status {
    case 200: " OK"
    case 201: " Created"
    case 202: " Accepted"
    case 204: " No Content"
    case 303: " See Other"
    case 304: " Not Modified"
    case 400: " Bad Request"
    case 401: " Unauthorized"
    case 403: " Forbidden"
    case 404: " Not Found"
    case 405: " Method Not Allowed"
    case 409: " Conflict"
    case 413: " Content Too Large"
    case 415: " Unsupported Media Type"
    case 422: " Unprocessable Content"
    case 429: " Too Many Requests"
    case 500: " Internal Server Error"
    case 503: " Service Unavailable"
    default: ""
    }
  }
}
