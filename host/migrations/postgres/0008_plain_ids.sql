-- Kinds and ids of members are compared byte by byte, which is all that their key needs: a database's own language would
-- compare them letter by letter at every step down the index.

drop trigger members_same on members;
alter table members
  alter column kind type text collate "C",
  alter column id type text collate "C";
create trigger members_same before update of campaign, member, kind, id on members for each row
  when ((new.campaign, new.member, new.kind, new.id) is distinct from (old.campaign, old.member, old.kind, old.id))
  execute function guard_refuse('is a member: it keeps its number and id', 'campaign', 'member');
