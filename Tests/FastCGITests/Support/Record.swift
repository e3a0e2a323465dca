/// The records of FastCGI 1.0, written by hand: nothing here goes through libfcgi.
enum Record {
  static let stdout: UInt8 = 6
  static let end: UInt8 = 3

  /// A whole request.
  static func request(
    _ method: String = "POST", _ target: String = "/", headers: [String: String] = [:], body: [UInt8] = [],
    contentLength: Int? = nil, keep: Bool = false
  ) -> [UInt8] {
    head(method, target, headers: headers, contentLength: contentLength ?? body.count, keep: keep) + stdin(body)
  }

  /// A request up to its body.
  static func head(
    _ method: String = "POST", _ target: String = "/", headers: [String: String] = [:], contentLength: Int?,
    keep: Bool = false
  ) -> [UInt8] {
    var parameters = headers
    parameters["REQUEST_METHOD"] = method
    parameters["REQUEST_URI"] = target
    parameters["CONTENT_LENGTH"] = contentLength.map(String.init) ?? ""
    return begin(keep: keep) + content(4, parameters.flatMap(pair)) + record(4, [])
  }

  static func begin(role: UInt8 = 1, keep: Bool = false) -> [UInt8] {
    record(1, [0, role, keep ? 1 : 0, 0, 0, 0, 0, 0])
  }

  /// A body and its end.
  static func stdin(_ body: [UInt8]) -> [UInt8] { content(5, body) + record(5, []) }

  /// Records of a stream, without its end.
  static func content(_ type: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    stride(from: 0, to: bytes.count, by: 65535).flatMap { start in
      record(type, Array(bytes[start..<min(start + 65535, bytes.count)]))
    }
  }

  static func record(_ type: UInt8, _ content: [UInt8]) -> [UInt8] {
    [1, type, 0, 1, UInt8(content.count >> 8), UInt8(content.count & 255), 0, 0] + content
  }

  private static func pair(_ name: String, _ value: String) -> [UInt8] {
    length(name.utf8.count) + length(value.utf8.count) + Array(name.utf8) + Array(value.utf8)
  }

  private static func length(_ count: Int) -> [UInt8] {
    count < 128 ? [UInt8(count)] : [UInt8(count >> 24) | 0x80] + [16, 8, 0].map { UInt8(count >> $0 & 255) }
  }
}
