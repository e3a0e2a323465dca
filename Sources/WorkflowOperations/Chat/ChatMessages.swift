import ExactJSON
import Workflow
import WorkflowLLM

/// The parameter `messages`: an array of `{"role": …, "content": …}`.
enum ChatMessages {
  private static let roles: [ChatRequest.Role] = [.system, .user, .assistant]
  /// Messages of a conversation at most.
  private static let most = 1_000

  /// Says what is wrong with such an array, whose texts may be references.
  static let check = ParameterSchema.ValueCheck("messages") { value in
    let messages = value.arrayValue ?? []
    guard (1...most).contains(messages.count) else { return "there must be 1 to \(most) messages" }
    for (index, message) in messages.enumerated() {
      if let problem = problem(of: message) { return "[\(index)]: \(problem)" }
    }
    guard let last = messages.last?.objectValue?["role"].flatMap(role) else { return nil }
    return last == .user ? nil : "the last message must be the user's"
  }

  private static func problem(of message: JSONValue) -> String? {
    if isReference(message) { return nil }
    guard let object = message.objectValue else { return "a message is an object with role and content" }
    for key in object.keys where key.word(of: ["role", "content"]) == nil {
      return "a message has no member '\(key.cut(toBytes: 100))', only role and content"
    }
    guard let role = object["role"] else { return "role is missing" }
    if !isReference(role), self.role(role) == nil {
      return "role must be 'system', 'user' or 'assistant'"
    }
    guard let content = object["content"] else { return "content is missing" }
    return content.stringValue == nil ? "content must be a string, not \(content.typeName)" : nil
  }

  /// Whether a text may be a reference: what it brings is looked at when the step starts.
  private static func isReference(_ value: JSONValue) -> Bool { value.stringValue?.mayBeReference == true }

  private static func role(_ value: JSONValue) -> ChatRequest.Role? {
    value.stringValue?.word(of: roles.map(\.rawValue)).flatMap(ChatRequest.Role.init)
  }

  /// The messages; nil when they cannot be sent.
  static func read(_ value: JSONValue) -> [ChatRequest.Message]? {
    let messages = (value.arrayValue ?? []).map { message -> ChatRequest.Message? in
      guard let object = message.objectValue, let content = object["content"]?.stringValue,
        let role = object["role"].flatMap(role)
      else { return nil }
      return ChatRequest.Message(role, content)
    }
    let all = messages.compactMap(\.self)
    return all.count == messages.count && all.last?.role == .user ? all : nil
  }
}
