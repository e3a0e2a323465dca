import ExactJSON

extension ParameterSchema {
  /// What holds between the parameters of a step.
  public enum Rule: Sendable, Equatable {
    /// At most one of these is given.
    case atMostOne([String])
    /// One of these is given, and no other one of them.
    case exactlyOne([String])
    /// A number is less than another, where both are given.
    case less(String, than: String)
    /// A parameter is not given, or null, where another has this text.
    case absent(String, where: String, is: String)

    /// What is wrong with parameters; nil as long as a reference or a value of another type takes the place of one of
    /// them.
    func broken(by params: JSONObject) -> (parameter: String, message: String)? {
      switch self {
      case .atMostOne(let names):
        let given = names.filter { params[$0] != nil }
        guard given.count > 1, let last = given.last else { return nil }
        return (last, "only one of \(names.joined(separator: " and ")) can be given")
      case .exactlyOne(let names):
        if let first = names.first, names.allSatisfy({ params[$0] == nil }) {
          return (first, "one of \(names.joined(separator: " and ")) must be given")
        }
        return Rule.atMostOne(names).broken(by: params)
      case .less(let name, let other):
        guard let value = params[name]?.numberValue?.int, let bound = params[other]?.numberValue?.int, value >= bound
        else { return nil }
        return (name, "\(name) must be less than \(other), which is \(bound)")
      case .absent(let name, let other, let text):
        guard params[other]?.stringValue == text, params[name] ?? .null != .null else { return nil }
        return (name, "\(name) cannot be given where \(other) is \(text)")
      }
    }
  }
}
