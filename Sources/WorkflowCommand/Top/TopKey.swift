/// A key that `wf top` knows.
enum TopKey: Sendable, Equatable {
  case up, down, pageUp, pageDown, first, last, enter, back, suspend, character(Character)

  /// Reads the keys of what a terminal has sent at one time. An escape sequence that means nothing here is left out.
  static func read(_ bytes: [UInt8]) -> [TopKey] {
    var keys: [TopKey] = []
    var rest = bytes[...]
    while let byte = rest.popFirst() {
      switch byte {
      case 0x1b: if let key = sequence(&rest) { keys.append(key) }
      case UInt8(ascii: "\r"), UInt8(ascii: "\n"): keys.append(.enter)
      case 0x7f, 0x08: keys.append(.back)
      // Ctrl-Z: the screen is given back first, so it is no signal here.
      case 0x1a: keys.append(.suspend)
      case 0x20...0x7e: keys.append(.character(Character(Unicode.Scalar(byte))))
      default: break
      }
    }
    return keys
  }

  /// The key of a sequence whose ESC was read (ECMA-48: `ESC [` and `ESC O`); the Escape key alone is `back`.
  private static func sequence(_ rest: inout ArraySlice<UInt8>) -> TopKey? {
    guard let introducer = rest.first, introducer == UInt8(ascii: "[") || introducer == UInt8(ascii: "O") else {
      return .back
    }
    rest.removeFirst()
    let parameters = rest.prefix { (0x20...0x3f).contains($0) }
    rest = rest.dropFirst(parameters.count)
    switch rest.popFirst() {
    case UInt8(ascii: "A"): return .up
    case UInt8(ascii: "B"): return .down
    case UInt8(ascii: "H"): return .first
    case UInt8(ascii: "F"): return .last
    case UInt8(ascii: "~"):
      switch String(decoding: parameters, as: UTF8.self) {
      case "1": return .first
      case "4": return .last
      case "5": return .pageUp
      case "6": return .pageDown
      default: return nil
      }
    default: return nil
    }
  }
}
