import ExactJSON
import Workflow

/// The statuses with which a step succeeds (`expect`): by default 2xx.
struct ExpectedStatuses: Sendable, Equatable {
  private var ranges: [ClosedRange<Int>] = [200...299]

  /// Reads the parameter; nil for the default.
  /// - Throws: what is wrong with it.
  init(_ value: JSONValue?) throws(HTTPParameterError) {
    guard let elements = value?.arrayValue else { return }
    guard (1...ExpectedStatuses.most).contains(elements.count) else {
      throw HTTPParameterError(ExpectedStatuses.countMessage)
    }
    ranges = []
    for element in elements {
      guard let range = ExpectedStatuses.range(element) else { throw HTTPParameterError(ExpectedStatuses.forms) }
      ranges.append(range)
    }
  }

  func contains(_ status: Int) -> Bool { ranges.contains { $0.contains(status) } }

  private static let most = 100
  private static let countMessage = "there must be 1 to \(most) statuses"
  private static let forms = "each must be a status from 200 to 599, such as 404, or a class, such as \"2xx\""

  private static func range(_ value: JSONValue) -> ClosedRange<Int>? {
    if let status = value.numberValue?.int { return (200...599).contains(status) ? status...status : nil }
    guard let text = value.stringValue, text.utf8.count == 3, text.hasSuffix("xx"), let digit = Int(text.prefix(1)),
      (2...5).contains(digit)
    else { return nil }
    return digit * 100...digit * 100 + 99
  }

  /// Checks the parameter as it was written, before references are resolved.
  static let check = ParameterSchema.ValueCheck("statuses") { value in
    let elements = value.arrayValue ?? []
    if elements.count > most { return countMessage }
    let literals = elements.filter { !$0.isReference }
    if literals.isEmpty, !elements.isEmpty { return nil }
    do throws(HTTPParameterError) {
      _ = try ExpectedStatuses(.array(literals))
      return nil
    } catch {
      return error.description
    }
  }
}

/// What is wrong with a parameter of `http_request`, as a part of a sentence without anything secret.
struct HTTPParameterError: Error, Equatable, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

extension JSONValue {
  /// Whether the value, as it was written, is a reference or a text with one in it.
  var isReference: Bool {
    guard let text = stringValue else { return false }
    return switch Reference.read(text) {
    case .literal: false
    case .reference, .malformed, .template: true
    }
  }
}
