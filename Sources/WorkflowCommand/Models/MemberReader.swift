import ExactJSON

/// Reads the members of an object of a file of settings, and notes everything that is wrong with them, each with its
/// place, such as `models[0].wire`.
struct MemberReader {
  /// The object's place; empty for the whole file.
  let path: String
  private let object: JSONObject
  /// What is wrong: one sentence each, with the place first.
  private(set) var faults: [String] = []

  /// - Parameter value: the value at the place; anything but an object is a fault.
  init(_ value: JSONValue, at path: String) {
    self.path = path
    object = value.objectValue ?? JSONObject()
    if value.objectValue == nil { faults.append(Self.sentence(path, "an object is expected, not \(Self.kind(value))")) }
  }

  /// The members' names.
  var names: [String] { object.keys }

  /// A member as it is; nil where it is absent or null.
  subscript(name: String) -> JSONValue? { object[name] == .null ? Optional.none : object[name] }

  /// The place of a member.
  func place(of name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

  /// Notes what is wrong with a member.
  mutating func refuse(_ name: String, _ problem: String) { faults.append(Self.sentence(place(of: name), problem)) }

  /// Takes over what is wrong within a member.
  mutating func take(_ other: MemberReader) { faults += other.faults }

  /// Notes each member of another name, with what was meant.
  /// - Parameter advice: what to write in place of names that other programs use.
  mutating func refuseOthers(_ known: [String], advice: [String: String] = [:]) {
    for name in object.keys where !known.contains(name) {
      let shown = name.cut(toBytes: 60).oneLine
      let nearest = EditDistance.nearest(to: shown, in: known).map { "; did you mean \($0)?" }
      let hint = advice[name].map { "; write \($0)" } ?? nearest ?? "; there are \(known.joined(separator: ", "))"
      faults.append(Self.sentence(place(of: shown), "there is no such member\(hint)"))
    }
  }

  // MARK: Values

  /// A text that a check finds nothing wrong with.
  /// - Parameter check: what is wrong with a text; nil if nothing is.
  mutating func text(_ name: String, isRequired: Bool = false, _ check: (String) -> String? = { _ in nil }) -> String? {
    guard let value = self[name] else {
      if isRequired { refuse(name, "it is missing") }
      return nil
    }
    guard let text = value.stringValue else {
      refuse(name, "a text is expected, not \(Self.kind(value))")
      return nil
    }
    guard let problem = check(text) else { return text }
    refuse(name, problem)
    return nil
  }

  /// One of the cases of an enumeration.
  mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(_ name: String, _: Choice.Type) -> Choice? {
    let all = Choice.allCases.map(\.rawValue)
    let text = text(name) { text in
      guard !all.contains(text) else { return nil }
      let hint = EditDistance.nearest(to: text.cut(toBytes: 60), in: all).map { "; did you mean \($0)?" } ?? ""
      return "\(Self.shown(text)) is none of \(all.joined(separator: ", "))\(hint)"
    }
    return text.flatMap { Choice(rawValue: $0) }
  }

  /// True or false.
  mutating func bool(_ name: String) -> Bool? {
    guard let value = self[name] else { return nil }
    if case .bool(let bool) = value { return bool }
    refuse(name, "true or false is expected, not \(Self.excerpt(value))")
    return nil
  }

  /// A whole number in a range.
  mutating func integer(_ name: String, in range: ClosedRange<Int>) -> Int? {
    guard let value = self[name] else { return nil }
    if let number = value.numberValue?.int, range.contains(number) { return number }
    refuse(
      name, "a whole number from \(range.lowerBound) to \(range.upperBound) is expected, not \(Self.excerpt(value))")
    return nil
  }

  /// A number in a range.
  mutating func number(_ name: String, in range: ClosedRange<Double>, isRequired: Bool = false) -> Double? {
    guard let value = self[name] else {
      if isRequired { refuse(name, "it is missing") }
      return nil
    }
    if let number = value.numberValue?.double, range.contains(number) { return number }
    let bounds = [range.lowerBound, range.upperBound].map { JSONNumber(text: "\($0)")?.int.map { "\($0)" } ?? "\($0)" }
    refuse(name, "a number from \(bounds[0]) to \(bounds[1]) is expected, not \(Self.excerpt(value))")
    return nil
  }

  /// Seconds, whole or with a fraction.
  mutating func seconds(_ name: String, in range: ClosedRange<Double>) -> Duration? {
    number(name, in: range).map { .milliseconds(Int(($0 * 1_000).rounded())) }
  }

  /// The elements of an array; nil where it is absent.
  mutating func array(_ name: String, expected: String) -> [JSONValue]? {
    guard let value = self[name] else { return nil }
    if let elements = value.arrayValue { return elements }
    refuse(name, "\(expected) is expected, not \(Self.kind(value))")
    return nil
  }

  /// A reader of a member that is an object; nil where it is absent.
  func object(_ name: String) -> MemberReader? { self[name].map { MemberReader($0, at: place(of: name)) } }

  // MARK: Words

  /// A text of the file, in quotes.
  static func shown(_ text: String) -> String { JSONValue.string(text.cut(toBytes: 60)).text.oneLine }

  /// A value of the file as an error repeats it.
  private static func excerpt(_ value: JSONValue) -> String {
    switch value {
    case .number, .bool: value.text.cut(toBytes: 60)
    default: kind(value)
    }
  }

  private static func kind(_ value: JSONValue) -> String {
    switch value {
    case .null: "null"
    case .bool, .number, .string: "a \(value.typeName)"
    case .array, .object: "an \(value.typeName)"
    }
  }

  private static func sentence(_ place: String, _ problem: String) -> String {
    place.isEmpty ? problem : "\(place): \(problem)"
  }
}
