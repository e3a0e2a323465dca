import AccessKeys
import Workflow

extension AccessKey.Limits {
  /// What the runs of the name may spend in a day on calls of models; nil where the key does not say.
  var dayBudget: Cost? { costDay.map { Cost(billionths: $0) } }
}
