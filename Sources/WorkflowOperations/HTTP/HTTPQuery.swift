import Curl
import ExactJSON
import Workflow

/// The parameters that a step adds to the query of its URL (`query`).
enum HTTPQuery {
  /// The URL with the parameters behind its own. An array repeats the name; null leaves it out.
  /// - Parameter limit: the bytes that the whole may take.
  /// - Throws: what is wrong with the parameters.
  static func url(
    _ url: HTTPURL, adding object: JSONObject, atMost limit: Int
  ) throws(HTTPURLError) -> String {
    var text = url.text
    var hasQuery = text.utf8.contains(UInt8(ascii: "?"))
    for member in object.members {
      for value in member.value.arrayValue ?? [member.value] where value != .null {
        guard let value = self.text(of: value) else { throw HTTPURLError(description: problem(member)) }
        text += hasQuery ? "&" : "?"
        hasQuery = true
        text += "\(encoded(member.key))=\(encoded(value))"
        guard text.utf8.count <= limit else {
          throw HTTPURLError(description: "with the query it is longer than \(limit) characters")
        }
      }
    }
    return text
  }

  private static func problem(_ member: JSONObject.Member) -> String {
    let name = JSONValue.string(member.key.cut(toBytes: 100)).text
    return "the query's \(name) must be a string, a number, a boolean, null, or an array of these"
  }

  private static func text(of value: JSONValue) -> String? {
    switch value {
    case .string(let text): text
    case .number, .bool: value.text
    case .null, .array, .object: nil
    }
  }

  /// All but RFC 3986's unreserved characters as `%XX`.
  private static func encoded(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e: bytes.append(byte)
      default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Checks the parameter.
  static let check = ParameterSchema.ValueCheck("query") { value in
    let faulty = value.objectValue?.members.first { member in
      (member.value.arrayValue ?? [member.value]).contains { $0.arrayValue != nil || $0.objectValue != nil }
    }
    return faulty.map(problem)
  }
}
