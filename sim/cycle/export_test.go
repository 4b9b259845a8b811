package cycle

// SetOrder makes e step its nodes in another order.
func (e *Engine) SetOrder(order []int) { e.order = order }
