import ExactJSON
import FastCGI

/// The fields of a form that a browser has posted (`application/x-www-form-urlencoded`, WHATWG URL, section 5).
struct FormBody {
  private let fields: [(name: String, value: String)]

  /// The fields; none where the body is no form.
  init(_ request: FastCGIRequest) {
    guard Self.isForm(request), case .complete(let body) = request.body else {
      fields = []
      return
    }
    fields = body.split(separator: UInt8(ascii: "&")).map { pair in
      let end = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
      return (Self.text(pair[..<end]), Self.text(pair[end...].dropFirst()))
    }
  }

  /// Whether the body is a form, by its type.
  static func isForm(_ request: FastCGIRequest) -> Bool {
    let type = (request.header("Content-Type") ?? "").utf8.prefix { $0 != UInt8(ascii: ";") }.map(ASCII.lowercase)
    return ASCII.trimmed(type[...]).elementsEqual("application/x-www-form-urlencoded".utf8)
  }

  /// The value of a field; nil where there is none of this name. The last of several counts.
  func text(_ name: String) -> String? { fields.last { $0.name.hasSameScalars(as: name) }?.value }

  private static func text(_ bytes: ArraySlice<UInt8>) -> String {
    String(
      decoding: PercentEncoding.decoded(String(decoding: bytes, as: UTF8.self), plusIsBlank: true), as: UTF8.self)
  }
}

extension PercentEncoding {
  /// A text as a part of a path or a query: all but letters, digits and `-._~` are encoded.
  static func encoded(_ text: String) -> String {
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        bytes.append(byte)
      default:
        let digits = Array("0123456789ABCDEF".utf8)
        bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
