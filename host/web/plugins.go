package web

import (
	"context"
	"net/http"
)

// reload makes the node look for its plugins again and answers how each of them fares. It grants
// nothing: what is installed, and with which rights, is in files that only the user can change. So
// an agent may ask for it too.
func (s *Server) reload(w http.ResponseWriter, r *http.Request, role Role) error {
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.CallTimeout)
	defer cancel()
	if err := s.cfg.Reload(ctx); err != nil {
		return err
	}
	st, err := s.node.Status(ctx)
	if err != nil {
		return err
	}
	if role != Owner {
		st = st.forAll()
	}
	s.answer(w, r, http.StatusOK, struct {
		Plugins []Plugin `json:"plugins"`
	}{append([]Plugin{}, st.Plugins...)})
	return nil
}
