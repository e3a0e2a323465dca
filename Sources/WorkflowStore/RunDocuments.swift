import OpenSSL
import Workflow

/// How the documents of a run lie in Redis: how long each is, and in how many pieces.
struct RunDocuments: Sendable {
  /// How one document lies there.
  struct Extent: Sendable, Equatable {
    /// Its bytes.
    var bytes: Int
    /// Pieces in which it lies; nil for a document that lies under its own name.
    var pieces: Int?
  }

  /// Digits at the beginning of a run's submitted text, which say how many bytes its steps take; the inputs follow
  /// them.
  static let headBytes = 8
  /// Bytes of a piece of a document, and of documents from which a batch is written in several calls.
  static let piece = 512 << 10
  /// Bytes that one script touches of a run's documents, at most.
  static let mostPerCall = 512 << 10

  /// Bytes of the inputs.
  let inputs: Int
  private let extents: [String: Extent]

  /// Documents of which only the inputs are known.
  init(inputs: Int = 0, extents: [String: Extent] = [:]) {
    self.inputs = inputs
    self.extents = extents
  }

  /// Bytes of all of them.
  var bytes: Int { extents.values.reduce(inputs) { $0 + $1.bytes } }

  /// How a document lies there.
  func extent(of field: String) -> Extent { extents[field] ?? Extent(bytes: 0) }

  /// Bytes of the steps in a submitted text; nil when it has another form.
  static func stepBytes(in text: [UInt8]) -> Int? {
    text.count < headBytes ? nil : Int(digits: text.prefix(headBytes))
  }

  /// What names the text of steps: the beginning of its SHA-256, in hexadecimal.
  static func digest(_ steps: [UInt8]) -> String { Digest.hex(Array(Digest.sha256(steps).prefix(8))) }

  /// The steps in the beginning of a submitted text; nil when it does not hold them all.
  static func steps(in text: [UInt8]) -> [UInt8]? {
    guard let bytes = stepBytes(in: text), headBytes + bytes <= text.count else { return nil }
    return Array(text[headBytes..<headBytes + bytes])
  }

  /// The name of a piece of a document.
  static func name(of field: String, piece: Int) -> String { "\(field)/\(piece)" }

  /// What lies under the name of a document that is in pieces: a mark that no JSON begins with, and their number.
  static func mark(pieces: Int) -> String { "/\(pieces)" }

  /// The number of pieces of the document that such a mark replaces; nil for a document.
  static func pieces(in mark: [UInt8]) -> Int? {
    mark.first == UInt8(ascii: "/") ? Int(String(decoding: mark.dropFirst(), as: UTF8.self)) : nil
  }
}
