public import Curl
import Workflow

extension ChatModels {
  /// The model that a definition describes.
  /// - Parameters:
  ///   - definition: one in which ``fault(of:)`` finds nothing.
  ///   - client: sends its calls.
  ///   - log: logs parameters that the model refuses.
  public static func make(_ definition: ModelDefinition, _ client: HTTPClient, _ log: ModelLog?) -> any ChatModel {
    WireModel(client: client, definition: definition, log: log)
  }

  /// Why no model can be made of a definition, with the member of the file that is to blame; nil when one can.
  public static func fault(of definition: ModelDefinition) -> (member: String, sentence: String)? {
    do {
      _ = try WireURL(base: definition.baseURL, wire: definition.wire)
      return nil
    } catch {
      return ("base_url", "\(error)")
    }
  }
}
