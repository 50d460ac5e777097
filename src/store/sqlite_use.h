// One use of a prepared statement: resets it at the end of the scope, however that is left. A
// statement that is not reset keeps its transaction open, and what was bound without a copy in use.
#pragma once

namespace SQLite {
class Statement;
}  // namespace SQLite

namespace kiln::store {

class UseStatement {
 public:
  explicit UseStatement(SQLite::Statement& statement) : statement_(statement) {}
  ~UseStatement();
  UseStatement(const UseStatement&) = delete;
  UseStatement& operator=(const UseStatement&) = delete;

  SQLite::Statement& operator*() const { return statement_; }
  SQLite::Statement* operator->() const { return &statement_; }

 private:
  SQLite::Statement& statement_;
};

}  // namespace kiln::store
