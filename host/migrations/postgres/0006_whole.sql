-- A commit of one statement cannot count its rows and then be rolled back: it is refused here when some are missing.
create function guard_whole(is_whole boolean) returns boolean language plpgsql as $$
begin
  if not is_whole then
    raise exception 'rows that a commit changes are not there, or a pool has fewer codes than it says';
  end if;
  return true;
end $$;
